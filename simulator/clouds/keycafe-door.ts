/** Who is let in at Keycafe, and how often: three forms of HTTP Basic, and a penalty minute for too many requests. */
import { PENALTY_MS, PER_MINUTE } from '../../daemon/vendors/keycafe/wire.ts';
import type { Clock, Random } from '../../drivers/contract/time.ts';
import type { CloudRequest } from './common.ts';
import { Refused } from './refused.ts';

export interface KeycafeDoorOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** `EMAIL/token:TOKEN`, `EMAIL/key:KEY` or `EMAIL:PASSWORD`: the whole of it; with two-factor login on, no password. */
  readonly credentials: string | readonly string[];
  readonly hasTwoFactor?: boolean;
  /** Requests a minute; above, a penalty minute. */
  readonly perMinute?: number;
}

export class KeycafeDoor {
  readonly #options: KeycafeDoorOptions;
  /** How often somebody went over the limit. */
  penalties = 0;
  #sent: number[] = [];
  #penaltyUntil = 0;
  readonly #tokens: string[] = [];

  constructor(options: KeycafeDoorOptions) {
    this.#options = options;
  }

  admit({ headers }: CloudRequest): void {
    const { clock, perMinute = PER_MINUTE } = this.#options;
    const now = clock.uptime();
    this.#sent = [...this.#sent.filter((at) => at > now - 60_000), now];
    if (this.#sent.length > perMinute && now >= this.#penaltyUntil) {
      this.#penaltyUntil = now + PENALTY_MS;
      this.penalties += 1;
    }
    // Everything fails, whoever asks and for what.
    if (now < this.#penaltyUntil) throw new Refused(429, 'error.limitExceeded');
    if (!this.#isKnown(headers.authorization)) throw new Refused(401, 'unauthorized');
  }

  #isKnown(shown: string | undefined): boolean {
    const { credentials, hasTwoFactor = false } = this.#options;
    const all = typeof credentials === 'string' ? [credentials] : credentials;
    return [...all, ...this.#tokens].some((each) => {
      const isPassword = !/^[^:]*\/(token|key):/.test(each);
      if (isPassword && hasTwoFactor) return false;
      return shown === `Basic ${Buffer.from(each).toString('base64')}`;
    });
  }

  makeToken(request: CloudRequest): string {
    const [email = ''] = this.#nameOf(request).split('/');
    const token = Buffer.from(this.#options.random.bytes(12)).toString('hex');
    this.#tokens.push(`${email}/token:${token}`);
    return token;
  }

  #nameOf({ headers }: CloudRequest): string {
    const encoded = headers.authorization?.replace(/^Basic /, '') ?? '';
    return Buffer.from(encoded, 'base64').toString('utf8').split(':')[0] ?? '';
  }
}
