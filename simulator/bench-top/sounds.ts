/** What one hears at a reader: made here, so that no file is needed. Silent until the page was touched once. */
let context: AudioContext | undefined;
let isOn = true;

export function soundIsOn(): boolean {
  return isOn;
}

export function turnSound(on: boolean): void {
  isOn = on;
}

/** Frequency in Hz, length in milliseconds. */
function tone(frequency: number, ms: number, after = 0): void {
  if (!isOn || !navigator.userActivation.hasBeenActive) return;
  context ??= new AudioContext();
  const start = context.currentTime + after / 1000;
  const oscillator = context.createOscillator();
  const volume = context.createGain();
  oscillator.type = 'square';
  oscillator.frequency.value = frequency;
  volume.gain.setValueAtTime(0.06, start);
  volume.gain.exponentialRampToValueAtTime(0.001, start + ms / 1000);
  oscillator.connect(volume).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + ms / 1000);
}

/** A key of a keypad going down. */
export function click(): void {
  tone(1800, 35);
}

/** The buzzer of a reader, so many times. */
export function beep(times: number): void {
  for (let each = 0; each < Math.min(times, 6); each++) tone(2700, 90, each * 160);
}

/** A bolt or hook that moves. */
export function clunk(): void {
  tone(140, 60);
}
