/** Whose grants they are, each person asked for once in a reading. */
import { VendorError } from '../http.ts';
import type { SeamClient } from './client.ts';
import { type UserIdentity, userIdentitySchema } from './wire.ts';

export class PersonReader {
  readonly #client: SeamClient;
  readonly #known = new Map<string, UserIdentity | undefined>();

  constructor(client: SeamClient) {
    this.#client = client;
  }

  /** `undefined`: nobody, or somebody of whom nothing is to be had. @throws VendorError */
  async at(id: string | null | undefined, signal: AbortSignal): Promise<UserIdentity | undefined> {
    if (id == null) return undefined;
    if (this.#known.has(id)) return this.#known.get(id);
    const asked = { user_identity_id: id };
    // Who it is decides nothing: one that is not understood goes by the id.
    const schema = userIdentitySchema.optional().catch(undefined);
    let found: UserIdentity | undefined;
    try {
      found = await this.#client.one(
        '/user_identities/get',
        asked,
        'user_identity',
        schema,
        signal,
      );
    } catch (error) {
      if (!(error instanceof VendorError && error.code === 'not-found')) throw error;
    }
    this.#known.set(id, found);
    return found;
  }
}
