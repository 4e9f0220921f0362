import type { Status } from './types.gen.js';

/** Whether a session in this status never changes again: its process is gone. */
export function isFinal(status: Status): boolean {
  return status === 'completed' || status === 'failed' || status === 'interrupted';
}
