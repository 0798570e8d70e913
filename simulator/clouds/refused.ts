/** A call that a simulated vendor refuses, by its status and the vendor's own word for it. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  constructor(status: number, word: string) {
    super(word);
    this.status = status;
  }
}
