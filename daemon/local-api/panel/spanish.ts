import type { Partly } from './english.ts';

export const SPANISH: Partly = {};
