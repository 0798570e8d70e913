/** What hangs in the box. */
import { FLAT_KEY, READ_KEY, STORE_KEY } from '../site.ts';

export const KEYS = [FLAT_KEY, READ_KEY, STORE_KEY];
