import type { Partly } from './english.ts';

export const PORTUGUESE: Partly = {};
