/** Machines that a package is made for, as Node and as Debian call them. */
export const ARCHITECTURES = { amd64: 'x64', arm64: 'arm64' } as const;

export type Architecture = keyof typeof ARCHITECTURES;
export type Cpu = (typeof ARCHITECTURES)[Architecture];

export function isArchitecture(text: string): text is Architecture {
  return Object.hasOwn(ARCHITECTURES, text);
}
