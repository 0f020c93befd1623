// The tabs beside the conversation: a button's or a form's `data-do` becomes an event with its other `data-` and
// fields, and the eyes and the keyboard follow what comes of it. `element` is one of a tab's pieces of HTML.
// Events: 'open', 'turn', 'rename', 'delete', 'remove', 'cancel', 'retry', 'forget', 'narrow'.
let chosen = null;

element.addEventListener('click', (event) => {
  const target = event.target.closest('button');
  if (!target) return;
  if ('return' in target.dataset) { back(); return; }
  const { do: what, ...details } = target.dataset;
  if (!what) return;
  chosen = { what, ...details };
  trigger(what, details);
  if (what === 'open' && element.closest('.dl-kept')) toDesk();
});

// The conversation opens in another tab: the keyboard goes along, on a phone without covering it.
const toDesk = (tries = 50) => {
  const box = document.querySelector('.dl-ask textarea');
  if (!box.checkVisibility()) { if (tries) setTimeout(toDesk, 100, tries - 1); return; }
  const to = innerWidth > 760 ? box : [...document.querySelectorAll('.dl-question')].at(-1);
  if (to !== box) to?.setAttribute('tabindex', '-1');
  to?.focus({ preventScroll: true });
};

element.addEventListener('submit', (event) => {
  event.preventDefault();
  event.target.closest('details')?.removeAttribute('open');
  if ([...event.target.elements].every((each) => !each.name || each.value === each.defaultValue)) return;
  const { do: what, ...details } = event.target.dataset;
  chosen = { what, ...details };
  trigger(what, { ...details, ...Object.fromEntries(new FormData(event.target)) });
});

const FIND = '.dl-find textarea, .dl-find input';

// From the article to the button in the list that opened it.
const back = () => {
  const entries = [...document.querySelectorAll('.dl-archive .dl-list .dl-entry')];
  const id = element.querySelector('.dl-article')?.dataset.article;
  const to = entries.find((each) => each.dataset.id === id) || element.closest('.dl-archive').querySelector(FIND);
  to?.scrollIntoView({ block: 'center', behavior: 'instant' });
  to?.focus({ preventScroll: true });
};

element.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && element.querySelector('.dl-reading')) back();
});

// The progress is drawn anew every second: what was focused stays so.
let focused = null;
const nameOf = (target) => target?.dataset && JSON.stringify({ ...target.dataset });
element.addEventListener('focusin', (event) => { focused = nameOf(event.target.closest('button')); });
element.addEventListener('focusout', (event) => { if (event.relatedTarget) focused = null; });

watch('value', () => {
  const article = element.querySelector('.dl-reading .dl-article');
  if (article) {
    for (const each of document.querySelectorAll('.dl-list .dl-entry')) {
      each.toggleAttribute('aria-current', each.dataset.id === article.dataset.article);
    }
    article.focus({ preventScroll: true });
    const box = element.getBoundingClientRect();
    // On a narrow screen the article is below the list.
    if (box.top < 0 || box.top > innerHeight * 0.6) element.scrollIntoView({ block: 'start', behavior: 'instant' });
    const reader = element.closest('.dl-reader');
    if (reader) reader.scrollTop = 0;
    return;
  }
  if (chosen?.what === 'turn') {
    chosen = null;
    const first = element.querySelector('.dl-entry');
    first?.focus({ preventScroll: true });
    (element.closest('.dl-finding') || element).scrollIntoView({ block: 'start', behavior: 'instant' });
    return;
  }
  if (chosen?.what === 'rename' || chosen?.what === 'delete') {
    // To the conversation's name; when it is gone, to the one that is now first.
    const entries = [...element.querySelectorAll('.dl-entry')];
    const to = entries.find((each) => each.dataset.id === chosen.id) || entries[0];
    (to || element.closest('.dl-kept').querySelector(FIND)).focus({ preventScroll: true });
    chosen = null;
    return;
  }
  if (focused && document.activeElement === document.body) {
    [...element.querySelectorAll('button')].find((each) => nameOf(each) === focused)?.focus({ preventScroll: true });
  }
});
