/**
 * Seam's cloud as its pages describe it (vendor-apis.md 3): what is accepted is programmed later, a wished code may come
 * out otherwise, an update of times is a re-issue, and events say only where to look.
 */
import type { Millis } from '../../drivers/contract/time.ts';
import { type CloudReply, type CloudRequest, CloudServer } from './common.ts';
import { answerTo, fieldsOf } from './seam-paths.ts';
import { type CloudEvent, Refused } from './seam-things.ts';
import { type SignedCall, signedCall } from './seam-webhook.ts';
import { SeamWorkspace, type SeamWorkspaceOptions } from './seam-workspace.ts';
import { WebhookSender } from './webhook-sender.ts';

export interface SeamCloudOptions extends SeamWorkspaceOptions {
  readonly apiKey: string;
  readonly pageSize?: number;
  /** Somebody who takes each event; answers the status. */
  readonly webhook?: {
    readonly secret: string;
    readonly post: (call: SignedCall) => Promise<number>;
  };
}

export class SeamCloud extends SeamWorkspace implements AsyncDisposable {
  readonly server: CloudServer;
  /** Events on their way to the webhook; `undefined` without one. */
  readonly sender: WebhookSender<CloudEvent> | undefined;
  /** How wrong this cloud's clock is when it signs. */
  skew: Millis = 0;
  readonly #options: SeamCloudOptions;

  constructor(options: SeamCloudOptions) {
    super(options, (event) => this.sender?.tell(event));
    this.#options = options;
    const { clock, webhook } = options;
    this.server = new CloudServer((request) => this.#answer(request), clock);
    this.sender =
      webhook === undefined
        ? undefined
        : new WebhookSender({
            clock,
            post: (event) => webhook.post(this.webhookCall(event, webhook.secret, this.skew)),
            isReceived: (status) => status >= 200 && status < 300,
            triesMost: 8,
            firstWait: 5000,
          });
  }

  get baseUrl(): string {
    return this.server.url;
  }

  /** What Svix sends for an event; `skew` is how wrong the sender's clock is. */
  webhookCall(event: CloudEvent, secret: string, skew: Millis = 0): SignedCall {
    return signedCall(event, secret, this.#options.clock.now() + skew);
  }

  #answer(request: CloudRequest): CloudReply {
    const headers = { 'seam-request-id': this.uuid() };
    try {
      if (request.headers.authorization !== `Bearer ${this.#options.apiKey}`) {
        throw new Refused(401, 'unauthorized');
      }
      const { clock, pageSize = 500 } = this.#options;
      const answer = answerTo(request.path, fieldsOf(request), this, {
        now: clock.now(),
        pageSize,
      });
      return { status: 200, headers, body: { ...answer, ok: true } };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { status, message: type, retryAfter } = error;
      const wait = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
      const body = { error: { type, message: `refused: ${type}` }, ok: false };
      return { status, headers: { ...headers, ...wait }, body };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sender?.[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}
