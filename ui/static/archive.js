// The Archive tab: a button's `data-do` becomes an event with its other `data-`, and the eyes and the keyboard
// follow what comes of it. `element` is one of the tab's pieces of HTML.
// Events: 'open', 'turn', 'remove', 'cancel', 'retry', 'forget', 'narrow'.
let chosen = null;

element.addEventListener('click', (event) => {
  const target = event.target.closest('button');
  if (!target) return;
  if ('return' in target.dataset) { back(); return; }
  const { do: what, ...details } = target.dataset;
  if (!what) return;
  chosen = details;
  trigger(what, details);
});

// From the article to the button in the list that opened it.
const back = () => {
  const entries = [...document.querySelectorAll('.dl-list .dl-entry')];
  const id = element.querySelector('.dl-article')?.dataset.article;
  const to = entries.find((each) => each.dataset.id === id) || document.querySelector('.dl-find textarea, .dl-find input');
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
  if (chosen && 'offset' in chosen) {
    chosen = null;
    const first = element.querySelector('.dl-entry');
    first?.focus({ preventScroll: true });
    (element.closest('.dl-finding') || element).scrollIntoView({ block: 'start', behavior: 'instant' });
    return;
  }
  if (focused && document.activeElement === document.body) {
    [...element.querySelectorAll('button')].find((each) => nameOf(each) === focused)?.focus({ preventScroll: true });
  }
});
