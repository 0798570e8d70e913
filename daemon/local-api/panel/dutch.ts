import type { Partly } from './english.ts';

export const DUTCH: Partly = {};
