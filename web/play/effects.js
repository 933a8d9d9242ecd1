// SPDX-License-Identifier: Apache-2.0

// What is seen for a moment: flashes, sparks, smoke, words that rise, marks on the ground. The game
// knows nothing of it.

const SPARK_COUNT_MAX = 260;
const MARK_COUNT_MAX = 40;
const MARK_MS = 20000;
const BLAST_M = 8;

/** Things that fade. */
export class Effects {
  constructor() {
    this.sparks = []; // {x, y, h, vx, vy, vh, ageMs, lifeMs, size, colour}
    this.blasts = []; // {x, y, ageMs}
    this.marks = []; // {x, y, radius, ageMs}
    this.words = []; // {x, y, text, colour, ageMs}
    this.flashes = []; // {x, y, heading, ageMs}
    this.trails = []; // bullets that are gone for the server and still on their way in the picture
  }

  clear() {
    for (const list of [this.sparks, this.blasts, this.marks, this.words, this.flashes,
      this.trails]) {
      list.length = 0;
    }
  }

  /** Throws sparks. */
  burst(x, y, h, count, speedMps, lifeMs, size, colour) {
    for (let i = 0; i < count && this.sparks.length < SPARK_COUNT_MAX; i++) {
      const angle = Math.random() * 2 * Math.PI;
      const speed = speedMps * (0.25 + 0.75 * Math.random());
      this.sparks.push({
        x, y, h, vx: Math.cos(angle) * speed, vy: Math.sin(angle) * speed,
        vh: speedMps * (0.2 + 0.6 * Math.random()), ageMs: 0,
        lifeMs: lifeMs * (0.5 + 0.5 * Math.random()), size: size * (0.6 + 0.8 * Math.random()),
        colour,
      });
    }
  }

  /** An explosion. */
  blast(x, y) {
    this.blasts.push({x, y, ageMs: 0});
    this.burst(x, y, 0.5, 26, 14, 900, 0.3, '#ffb347');
    this.burst(x, y, 0.5, 16, 8, 1300, 0.55, '#6b6560');
    this.marks.push({x, y, radius: 3.4, ageMs: 0});
    if (this.marks.length > MARK_COUNT_MAX) {
      this.marks.shift();
    }
  }

  /** A shot leaves a weapon. */
  flash(x, y, heading) {
    this.flashes.push({x, y, heading, ageMs: 0});
  }

  /** Words rise from a place. */
  word(x, y, text, colour) {
    this.words.push({x, y, text, colour, ageMs: 0});
  }

  /** Moves on. */
  update(passedMs) {
    const passedS = passedMs / 1000;
    for (const spark of this.sparks) {
      spark.ageMs += passedMs;
      spark.x += spark.vx * passedS;
      spark.y += spark.vy * passedS;
      spark.h = Math.max(0, spark.h + spark.vh * passedS);
      spark.vh -= 9.81 * passedS;
      const drag = Math.max(0, 1 - 2.2 * passedS);
      spark.vx *= drag;
      spark.vy *= drag;
    }
    for (const trail of this.trails) {
      const step = Math.min(passedS, trail.leftMs / 1000);
      trail.leftMs -= passedMs;
      trail.x += trail.vx * step;
      trail.y += trail.vy * step;
      trail.z += trail.vz * step;
    }
    for (const trail of this.trails.filter(({leftMs}) => leftMs <= 0)) {
      this.burst(trail.x, trail.y, trail.h, 4, 5, 260, 0.12, '#e8d9b5');
    }
    this.trails = this.trails.filter(({leftMs}) => leftMs > 0);
    this.sparks = this.sparks.filter(({ageMs, lifeMs}) => ageMs < lifeMs);
    this.blasts = this.age(this.blasts, passedMs, 620);
    this.marks = this.age(this.marks, passedMs, MARK_MS);
    this.words = this.age(this.words, passedMs, 1100);
    this.flashes = this.age(this.flashes, passedMs, 70);
  }

  /** @private */
  age(list, passedMs, lifeMs) {
    for (const item of list) {
      item.ageMs += passedMs;
    }
    return list.filter(({ageMs}) => ageMs < lifeMs);
  }

  /** Marks on the ground, below everything. */
  drawMarks(context, camera) {
    for (const {x, y, radius, ageMs} of this.marks) {
      context.globalAlpha = 0.42 * (1 - ageMs / MARK_MS);
      context.fillStyle = '#0b0908';
      context.beginPath();
      context.arc(camera.screenX(x), camera.screenY(y), radius * camera.scale * 0.7, 0,
        2 * Math.PI);
      context.fill();
      context.beginPath();
      context.arc(camera.screenX(x), camera.screenY(y), radius * camera.scale, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  /** All that is above. */
  draw(context, camera, sprites) {
    this.drawFlashes(context, camera);
    for (const blast of this.blasts) {
      this.drawBlast(context, camera, blast);
    }
    for (const {x, y, h, ageMs, lifeMs, size, colour} of this.sparks) {
      const lean = camera.lean(h);
      const px = camera.width / 2 + (camera.screenX(x) - camera.width / 2) * lean;
      const py = camera.height / 2 + (camera.screenY(y) - camera.height / 2) * lean;
      const side = Math.max(1.5, size * camera.scale * (1 - 0.5 * ageMs / lifeMs));
      context.globalAlpha = 1 - ageMs / lifeMs;
      context.fillStyle = colour;
      context.fillRect(px - side / 2, py - side / 2, side, side);
    }
    for (const {x, y, text, colour, ageMs} of this.words) {
      const sprite = sprites.label(text, colour, 14);
      context.globalAlpha = 1 - (ageMs / 1100) ** 2;
      context.drawImage(sprite, Math.round(camera.screenX(x) - sprite.width / 2),
        Math.round(camera.screenY(y) - sprite.height - (20 + ageMs * 0.03) * camera.ratio));
    }
    context.globalAlpha = 1;
  }

  /** @private */
  drawFlashes(context, camera) {
    context.fillStyle = '#fff3c4';
    for (const {x, y, heading, ageMs} of this.flashes) {
      const reach = 1.5 * camera.scale * (1 - ageMs / 140);
      const px = camera.screenX(x + Math.cos(heading) * 1.1);
      const py = camera.screenY(y + Math.sin(heading) * 1.1);
      context.globalAlpha = 1 - ageMs / 90;
      context.beginPath();
      for (let i = 0; i < 8; i++) {
        const angle = -heading + i * Math.PI / 4;
        const length = (i === 0 ? 1 : i % 2 === 0 ? 0.5 : 0.2) * reach;
        const method = i === 0 ? 'moveTo' : 'lineTo';
        context[method](px + Math.cos(angle) * length, py + Math.sin(angle) * length);
      }
      context.fill();
    }
    context.globalAlpha = 1;
  }

  /** @private */
  drawBlast(context, camera, {x, y, ageMs}) {
    const share = ageMs / 620;
    const px = camera.screenX(x);
    const py = camera.screenY(y);
    const reach = BLAST_M * camera.scale;
    const fire = reach * (0.25 + 0.55 * Math.sqrt(share));
    const glow = context.createRadialGradient(px, py, 0, px, py, fire);
    glow.addColorStop(0, 'rgba(255, 250, 220, 0.95)');
    glow.addColorStop(0.35, 'rgba(255, 190, 80, 0.8)');
    glow.addColorStop(0.75, 'rgba(226, 88, 34, 0.45)');
    glow.addColorStop(1, 'rgba(80, 40, 30, 0)');
    context.globalAlpha = (1 - share) ** 1.4;
    context.fillStyle = glow;
    context.fillRect(px - fire, py - fire, 2 * fire, 2 * fire);
    context.strokeStyle = '#ffe9c0';
    context.lineWidth = Math.max(1, 0.5 * camera.scale * (1 - share));
    context.beginPath();
    context.arc(px, py, reach * Math.sqrt(share), 0, 2 * Math.PI);
    context.stroke();
    context.globalAlpha = 1;
  }
}
