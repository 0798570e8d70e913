/** The control's verbs, and what it says that one sees. */
export interface SlotLook {
  readonly door: string;
  readonly fobs: readonly string[];
  readonly isPulsing: boolean;
  readonly isJammed: boolean;
}

/** Of any device; which of these it has tells what it is. */
export interface DeviceLook {
  readonly slots?: Readonly<Record<string, SlotLook>>;
  readonly hasPower?: boolean;
  /** Of a reader: the fob that is held to it. */
  readonly fob?: string | null;
  readonly [name: string]: unknown;
}

export interface BusLook {
  readonly address: string;
  readonly isPlugged: boolean;
  readonly isCut: boolean;
  readonly devices: readonly string[];
}

export interface Bench {
  readonly title: string;
  readonly devices: Readonly<Record<string, DeviceLook>>;
  readonly buses: Readonly<Record<string, BusLook>>;
  /** Device -> what can be done to it. */
  readonly verbs: Readonly<Record<string, readonly string[]>>;
}

async function fetched(path: string, body?: object) {
  const answer = await fetch(path, {
    headers: { accept: 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  const reply = await answer.json();
  if (!answer.ok) throw new RangeError(reply.error?.message ?? answer.statusText);
  return reply;
}

/** @throws RangeError with the control's sentence. */
export async function act(
  kind: 'devices' | 'buses',
  name: string,
  verb: string,
  given: object = {},
): Promise<unknown> {
  const { result } = await fetched(`/v1/${kind}/${name}/${verb}`, given);
  return result;
}

export async function look(): Promise<Pick<Bench, 'devices' | 'buses'>> {
  const [devices, buses] = await Promise.all([fetched('/v1/devices'), fetched('/v1/buses')]);
  return { devices, buses };
}

/** What there is does not change while the simulator runs. */
export async function inventory(): Promise<Pick<Bench, 'title' | 'verbs'>> {
  const { title, routes } = await fetched('/');
  const verbs: Record<string, string[]> = {};
  for (const { path } of routes) {
    const [, device, verb] = /^\/v1\/devices\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
    if (device !== undefined && verb !== undefined)
      verbs[device] = [...(verbs[device] ?? []), verb];
  }
  return { title, verbs };
}
