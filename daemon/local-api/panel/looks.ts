/**
 * How much one look of a search passes: its answer comes within a tenth of a second on a small machine, and the page
 * goes on by itself until it has enough or there is no more.
 */
export const ENTRIES_A_LOOK = 20_000;
export const GRANTS_A_LOOK = 5_000;
