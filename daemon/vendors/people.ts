/** One person, however many vendors know them: a pseudonym from what reaches them, the same everywhere on this site. */
import { type HolderId, holderId } from '../access/model.ts';
import type { VendorSecrets } from './desk.ts';

export interface Contacts {
  readonly email?: string | null | undefined;
  readonly phone?: string | null | undefined;
}

/** By mail address, else by number; `otherwise` where there is neither. The address cannot be read from the pseudonym. */
export function holderFor(
  secrets: Pick<VendorSecrets, 'indexFob'>,
  { email, phone }: Contacts,
  otherwise: string,
): HolderId {
  const address = email?.trim().toLowerCase() ?? '';
  const digits = (phone ?? '').replace(/\D/g, '').replace(/^00/, '');
  if (address !== '') return holderId(`person:${keyed(secrets, `mail ${address}`)}`);
  if (digits !== '') return holderId(`person:${keyed(secrets, `phone ${digits}`)}`);
  return holderId(otherwise);
}

/** The desk's keyed hash over any text; apart from every card, since no reader gives text with a space in it. */
function keyed(secrets: Pick<VendorSecrets, 'indexFob'>, text: string): string {
  const bytes = Buffer.from(text);
  return secrets.indexFob(`text:${bytes.length * 8}:${bytes.toString('hex')}`);
}
