/** No clock of a machine that runs this is earlier; moved with each release. */
export const BUILT_AT = Date.UTC(2026, 10, 1);
