// SPDX-License-Identifier: Apache-2.0

/** The dialog in which an operator says what is to become of a player. */

import { ApiError } from './api.js';
import { byId, setText } from './dom.js';

const ORDERS = {
  message: { title: 'Message to', button: 'Send', label: 'What to say', max: 200, key: 'text' },
  kick: { title: 'Kick', button: 'Kick', label: 'Reason, for the player to read', max: 100,
    key: 'reason' },
  ban: { title: 'Ban', button: 'Ban', label: 'Reason, for the player to read', max: 100,
    key: 'reason' },
};

/** One dialog for all orders. */
export class Orders {
  constructor(api, onDone) {
    this.api = api;
    this.onDone = onDone;
    this.dialog = byId('order');
    byId('order-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.send();
    });
    byId('order-cancel').addEventListener('click', () => this.dialog.close());
  }

  /** Asks the operator. */
  ask(what, player) {
    const order = ORDERS[what];
    this.what = what;
    this.player = player;
    setText(byId('order-title'), `${order.title} ${player.name || player.player_id}`);
    setText(byId('order-label'), order.label);
    setText(byId('order-send'), order.button);
    setText(byId('order-problem'), '');
    byId('order-send').className = what === 'message' ? 'primary' : 'primary danger';
    byId('order-ban').hidden = what !== 'ban';
    const text = byId('order-text');
    text.value = '';
    text.maxLength = order.max;
    text.required = what === 'message';
    this.dialog.showModal();
    text.focus();
  }

  async send() {
    const body = {};
    const text = byId('order-text').value;
    if (text !== '') {
      body[ORDERS[this.what].key] = text;
    }
    if (this.what === 'ban') {
      body.seconds = Number(byId('order-seconds').value);
      body.address = byId('order-address').checked;
    }
    try {
      await this.api.post(`/v1/players/${this.player.player_id}/${this.what}`, body);
      this.dialog.close();
      this.onDone(this.what, this.player);
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      setText(byId('order-problem'), error.message);
    }
  }
}
