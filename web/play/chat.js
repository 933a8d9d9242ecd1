// SPDX-License-Identifier: Apache-2.0

// What players say, and who has beaten whom.

const LINE_COUNT_MAX = 30;
const KILL_COUNT_MAX = 5;
const OLD_MS = 12000;
const KILL_MS = 7000;
const TEXT_BYTES_MAX = 200;
const NOBODY = 65535;

// As much of a text as fits, without what is no text.
function encodeLine(text) {
  const encoder = new TextEncoder();
  let line = text.replace(/\p{Cc}/gu, ' ').trim();
  while (encoder.encode(line).length > TEXT_BYTES_MAX) {
    line = line.slice(0, -1);
  }
  return encoder.encode(line);
}

// No more of a text than a player can send.
function decodeLine(bytes) {
  return new TextDecoder().decode(bytes.subarray(0, TEXT_BYTES_MAX));
}

/** The chat and the list of kills. */
export class Chat {
  /**
   * @param {Document} page
   * @param {(playerIndex: number) => string} nameOf
   * @param {(playerIndex: number) => number} teamOf 0 if it is not known
   */
  constructor(page, nameOf, teamOf) {
    this.nameOf = nameOf;
    this.teamOf = teamOf;
    this.section = page.getElementById('talk');
    this.said = page.getElementById('said');
    this.kills = page.getElementById('kills');
    this.form = page.getElementById('say');
    this.input = page.getElementById('say-text');
    this.to = page.getElementById('say-to');
    this.isToTeam = false;
    this.ownIndex = NOBODY;
    this.beatenBy = undefined; // player index of who has beaten the player last
    this.onsay = () => true;
    this.onclose = () => {};
    this.listen();
  }

  /** @private */
  listen() {
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      const bytes = encodeLine(this.input.value);
      if (bytes.length > 0 && !this.onsay(this.isToTeam ? 'say_team' : 'say', bytes)) {
        this.addNote('Not sent: there is no connection at the moment.');
      }
      this.close();
    });
    this.input.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        this.close();
      } else if (event.key === 'Tab') {
        this.address(!this.isToTeam);
        event.preventDefault();
      }
    });
    this.to.addEventListener('click', () => {
      this.address(!this.isToTeam);
      this.input.focus();
    });
  }

  /** @private */
  address(isToTeam) {
    this.isToTeam = isToTeam;
    this.to.textContent = isToTeam ? 'Team' : 'All';
  }

  /** Lets the player write. */
  open(isToTeam) {
    this.address(isToTeam);
    this.form.hidden = false;
    this.section.classList.add('open');
    this.input.value = '';
    this.input.focus();
  }

  close() {
    this.form.hidden = true;
    this.section.classList.remove('open');
    this.input.blur();
    this.onclose();
  }

  /** @private */
  addLine(parts) {
    const line = document.createElement('li');
    line.append(...parts);
    this.said.append(line);
    while (this.said.children.length > LINE_COUNT_MAX) {
      this.said.firstElementChild.remove();
    }
    this.said.scrollTop = this.said.scrollHeight;
    setTimeout(() => line.classList.add('old'), OLD_MS);
  }

  /** A line of the page itself. */
  addNote(text) {
    const note = document.createElement('span');
    note.className = 'muted';
    note.textContent = text;
    this.addLine([note]);
  }

  /** The game's message `notice`: operators speak. */
  takeNotice(bytes) {
    const notice = document.createElement('b');
    notice.className = 'notice';
    notice.textContent = `Operator: ${decodeLine(bytes)}`;
    this.addLine([notice]);
  }

  /** @private */
  nameElement(playerIndex) {
    const name = document.createElement('b');
    const team = this.teamOf(playerIndex);
    if (team > 0) {
      const mark = document.createElement('span');
      mark.className = 'mark';
      name.dataset.team = String(team);
      name.append(mark);
    }
    name.append(this.nameOf(playerIndex));
    return name;
  }

  /** The game's message `heard`. */
  takeHeard(bytes) {
    if (bytes.length < 4) {
      return;
    }
    const speaker = bytes[1] | bytes[2] << 8;
    const text = decodeLine(bytes.subarray(3));
    const channel = bytes[0] === 1 ? ' (team): ' : ': ';
    this.addLine([this.nameElement(speaker), channel, text]);
  }

  /** The game's message `beaten`. */
  takeBeaten(bytes) {
    if (bytes.length !== 4) {
      return;
    }
    const victor = bytes[0] | bytes[1] << 8;
    const beaten = bytes[2] | bytes[3] << 8;
    const isLost = beaten === this.ownIndex;
    const line = document.createElement('li');
    line.className = isLost ? 'lost' : 'won';
    if (victor === NOBODY) {
      line.append(this.nameElement(beaten), ' was beaten by a guard');
    } else {
      line.append(this.nameElement(victor), ' has beaten ', this.nameElement(beaten));
    }
    this.kills.append(line);
    while (this.kills.children.length > KILL_COUNT_MAX) {
      this.kills.firstElementChild.remove();
    }
    setTimeout(() => line.remove(), KILL_MS);
    this.beatenBy = isLost ? victor : this.beatenBy;
  }
}
