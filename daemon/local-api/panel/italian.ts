import type { Partly } from './english.ts';

export const ITALIAN: Partly = {};
