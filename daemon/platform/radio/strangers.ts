/**
 * noble keeps each address that it ever heard, in six places, for as long as it runs. Phones change theirs each quarter
 * of an hour, so that a busy street would fill the memory within weeks, and somebody with a sender within minutes.
 */

/** Heard peripherals and addresses that are kept; beyond that, those that nothing is connected to are forgotten. */
export const STRANGERS_MOST = 1000;

/** @param kept ids that are being connected to. What is forgotten is as if it had not been heard yet. */
export function forgetStrangers(noble: object, kept: ReadonlySet<string>): void {
  const peripherals: unknown = Reflect.get(noble, '_peripherals');
  const forget: unknown = Reflect.get(noble, '_cleanupPeriperals'); // its spelling
  const bindings: unknown = Reflect.get(noble, '_bindings');
  if (!(peripherals instanceof Map) || typeof forget !== 'function' || !isObject(bindings)) return;
  const connected = new Set(kept);
  for (const [id, peripheral] of peripherals) {
    if (isObject(peripheral) && Reflect.get(peripheral, 'state') !== 'disconnected')
      connected.add(String(id));
  }
  if (peripherals.size > STRANGERS_MOST) {
    for (const id of [...peripherals.keys()])
      if (!connected.has(String(id))) Reflect.apply(forget, noble, [id]);
  }
  for (const name of ['_addresses', '_addresseTypes', '_connectable', 'scannable'])
    thin(Reflect.get(bindings, name), connected);
  const gap: unknown = Reflect.get(bindings, '_gap');
  if (isObject(gap)) thin(Reflect.get(gap, '_discoveries'), connected);
}

/** By id, or by address, which is the same with colons. */
function thin(heard: unknown, kept: ReadonlySet<string>): void {
  if (!isObject(heard)) return;
  const names = Object.keys(heard);
  if (names.length <= STRANGERS_MOST) return;
  for (const name of names)
    if (!kept.has(name.replaceAll(':', ''))) Reflect.deleteProperty(heard, name);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
