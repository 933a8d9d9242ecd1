// SPDX-License-Identifier: Apache-2.0

// What a program imports: everything public is here. muster.d.ts describes it.

export {Client, MusterError} from './client.js';
export {join, login} from './login.js';
export {CloseReason} from './packet.js';
export {Predictor} from './predict.js';
