/** One wish is one press: the second click of a double click is none, nor is a key that is held down. */

/** Also where the first click has put “Yes, for good” under the pointer. */
export function ignoreDoubleClicks(page: EventTarget): void {
  page.addEventListener(
    'click',
    (event) => {
      if (!(event instanceof MouseEvent) || event.detail < 2) return;
      if (!(event.target instanceof Element) || event.target.closest('button') === null) return;
      event.preventDefault();
      event.stopPropagation();
    },
    { capture: true },
  );
  page.addEventListener(
    'keydown',
    (event) => {
      if (event instanceof KeyboardEvent && event.repeat && event.key === 'Enter') {
        event.preventDefault();
      }
    },
    { capture: true },
  );
}
