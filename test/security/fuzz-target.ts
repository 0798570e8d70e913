/** Something that reads bytes or text from outside, as one function that must take anything. */
export interface FuzzTarget {
  readonly name: string;
  /** Well-formed inputs, from which others are bent. */
  readonly seeds: readonly Uint8Array[];
  /**
   * Throws or rejects where something is not as promised. Answers how far the input got, in a few words: an input that
   * gets where none got before is bent further.
   */
  run(input: Uint8Array): string | undefined | Promise<string | undefined>;
  /** Inputs of a short run; an expensive target has less. Default: as the run says. */
  readonly runs?: number;
}
