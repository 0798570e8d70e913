/** The keyed hash of a fob that was written down. */
import type { CardBits } from '../../drivers/contract/device.ts';
import { parseIdentity } from '../access/identity.ts';
import type { CredentialIndex } from '../access/model.ts';
import type { Indexer } from '../access/site-facts.ts';

/** @throws RangeError for what is none. */
export function indexFob(secret: string, indexer: Indexer): CredentialIndex {
  const identity = parseIdentity(secret);
  if (identity === undefined) {
    throw new RangeError(
      'a card is 10 hex digits, or technology:bits:hex such as wiegand:26:bd88eb80',
    );
  }
  const card: CardBits = {
    technology: identity.technology,
    bitCount: identity.bitCount,
    bits: Uint8Array.from(Buffer.from(identity.hex, 'hex')),
  };
  return indexer.card(card);
}
