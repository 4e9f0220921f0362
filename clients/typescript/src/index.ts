/** Client of sessiond, the daemon that runs Claude Code sessions. Begin with `Client.connect()`. */
export { Client, type ConnectOptions } from './client.js';
export { ClosedError, DisconnectedError, ProtocolError, SessiondError, UnreachableError, isReason } from './errors.js';
export type { EventOptions } from './events.js';
export type { CallOptions, MethodTypes } from './methods.gen.js';
export { socketPath } from './socket.js';
export { isFinal } from './status.js';
export * from './types.gen.js';
