/** The control's verbs, and what it says that one sees. */
export interface SlotLook {
  readonly door: string;
  readonly fobs: readonly string[];
  readonly isPulsing: boolean;
  readonly isJammed: boolean;
}

/** The door beside a reader, as it is wired to it. */
export interface Wiring {
  readonly strike: number | null;
  readonly opensWithoutPower: boolean;
  readonly contact: number | null;
  readonly closedIsOpen: boolean;
  readonly exit: number | null;
}

export interface Led {
  readonly colour: string;
  readonly isBlinking: boolean;
}

export interface SiteLook {
  readonly hasInternet: boolean;
  readonly hasPower: boolean;
  readonly clockShiftMs: number;
}

/** Of any device; which of these it has tells what it is. */
export interface DeviceLook {
  readonly slots?: Readonly<Record<string, SlotLook>>;
  readonly hasPower?: boolean;
  /** Of a reader: the fob that is held to it. */
  readonly fob?: string | null;
  readonly leds?: Readonly<Record<string, Led>>;
  /** Counted since its start. */
  readonly beeps?: number;
  readonly text?: string;
  readonly inputs?: readonly boolean[];
  readonly outputs?: readonly { readonly isOn: boolean }[];
  readonly wiring?: Wiring | null;
  /** Of a lock with a motor: where its bolt is. */
  readonly state?: string;
  /** Whether something holds that bolt. */
  readonly isJammed?: boolean;
  /** Charge of its batteries, percent. */
  readonly battery?: number;
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
  /** Where a whole site is around the hardware. */
  readonly site: SiteLook | undefined;
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

/** Something done to what surrounds the hardware. @throws RangeError */
export async function surround(verb: string, given: object): Promise<void> {
  await fetched(`/v1/site/${verb}`, given);
}

export async function look(hasSite: boolean): Promise<Pick<Bench, 'devices' | 'buses' | 'site'>> {
  const [devices, buses, site] = await Promise.all([
    fetched('/v1/devices'),
    fetched('/v1/buses'),
    hasSite ? fetched('/v1/site') : undefined,
  ]);
  return { devices, buses, site };
}

/** What there is does not change while the simulator runs. */
export async function inventory(): Promise<
  Pick<Bench, 'title' | 'verbs'> & { readonly hasSite: boolean }
> {
  const { title, routes } = await fetched('/');
  const verbs: Record<string, string[]> = {};
  for (const { path } of routes) {
    const [, device, verb] = /^\/v1\/devices\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
    if (device !== undefined && verb !== undefined)
      verbs[device] = [...(verbs[device] ?? []), verb];
  }
  const hasSite = routes.some(({ path }: { path: string }) => path === '/v1/site');
  return { title, verbs, hasSite };
}
