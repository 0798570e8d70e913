import type { Partly } from './english.ts';

export const FRENCH: Partly = {};
