/** How the guided run speaks with the installer. On a terminal, in a pipe and in tests the same. */

/** Something that takes longer than a second: shown from its beginning to its end. */
export interface Busy {
  /** What is being done or tried now. */
  say(text: string): void;
  /** A hand is wanted. */
  call(text: string): void;
  done(text: string, isGood: boolean): void;
}

/** Each question has an answer that is taken where nobody is asked (`--yes`). Rejects with `Stopped`. */
export interface Ask {
  head(text: string): void;
  tell(text: string): void;
  busy(text: string): Busy;
  confirm(question: string, otherwise: boolean): Promise<boolean>;
  /** `fault` says what is wrong with an answer; `undefined` for nothing. */
  text(
    question: string,
    otherwise: string,
    fault?: (answer: string) => string | undefined,
  ): Promise<string>;
}

/** The installer has ended the run, or nobody is there to answer. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}
