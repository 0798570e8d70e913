import type { Partly } from './english.ts';

export const JAPANESE: Partly = {};
