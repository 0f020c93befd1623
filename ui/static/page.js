// The page's own behaviour: citations open beside the answer and show a card, tables sort, filters are removed.
// `words` are those that it says; `element` holds the opened article; `trigger` asks the server; `watch` runs once what is opened has changed.
// Events: 'cite', 'close', 'view', 'again', 'edit', 'keep', 'rate', 'reopen', 'only', 'drop'.
let opener = null;

const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
const narrow = () => innerWidth <= 760;
const language = (target) => target.closest('[data-language]')?.dataset.language || document.documentElement.lang;
const box = () => document.querySelector('.dl-ask textarea');
const exchange = (target) => target.closest('[data-exchange]')?.dataset.exchange || '';

// --- the article beside the answer ---------------------------------------------------------------

const show = () => {
  const article = element.querySelector('.dl-article, .dl-error');
  if (!article) return;
  const mark = element.querySelector('mark');
  const panel = element.closest('.dl-panel') || element;
  article.focus({ preventScroll: true });
  const box = panel.getBoundingClientRect();
  if (box.top < 0 || box.top > innerHeight * 0.6) {
    // On a narrow screen the panel is below the chat.
    panel.scrollIntoView({ block: 'start', behavior: 'instant' });
  }
  if (!mark) { panel.scrollTop = 0; return; }
  const offset = mark.getBoundingClientRect().top - panel.getBoundingClientRect().top;
  const middle = Math.max(0, (panel.clientHeight - mark.offsetHeight) / 2);
  panel.scrollTo({ top: panel.scrollTop + offset - middle, behavior: calm() ? 'instant' : 'smooth' });
};

const open = (target) => {
  opener = target;
  for (const each of document.querySelectorAll('.dl-chosen')) each.classList.remove('dl-chosen');
  target.classList.add('dl-chosen');
  const { article, start, end, version } = target.dataset;
  const shown = element.querySelector('.dl-article');
  if (shown && shown.dataset.article === article && shown.dataset.start === start && shown.dataset.end === end) {
    show();
    return;
  }
  trigger('cite', {
    article, start: Number(start), end: Number(end), version,
    language: language(target), exchange: exchange(target),
  });
};

// To the number that opened the article; to the question box when that is gone.
const back = () => {
  const to = opener?.isConnected && opener.checkVisibility() ? opener : box();
  to?.scrollIntoView({ block: 'nearest', behavior: 'instant' });
  to?.focus({ preventScroll: true });
};

const close = () => {
  trigger('close');
  back();
};

watch('value', show);

// --- the card of a number ------------------------------------------------------------------------

let card = null;
let waiting = 0;

const hideCard = () => {
  clearTimeout(waiting);
  if (card?.isConnected) card.hidePopover();
  card = null;
};

const showCard = (number) => {
  const next = document.getElementById(number.getAttribute('aria-describedby'));
  clearTimeout(waiting);
  if (!next || next === card) return;
  hideCard();
  card = next;
  card.showPopover();
  const at = number.getBoundingClientRect();
  const { width, height } = card.getBoundingClientRect();
  const edge = document.documentElement.clientWidth - width - 8;
  const below = at.bottom + 6 + height < innerHeight || at.top < height + 6;
  card.style.left = `${Math.max(8, Math.min(at.left - 12, edge))}px`;
  card.style.top = `${below ? at.bottom + 6 : at.top - height - 6}px`;
};

const number = (target) => target.closest?.('.dl-cite[aria-describedby]');

document.addEventListener('mouseover', (event) => {
  // A finger opens the article at once; the card is for what can point.
  if (!matchMedia('(hover: hover)').matches) return;
  const over = number(event.target);
  clearTimeout(waiting);
  if (over) waiting = setTimeout(() => showCard(over), 150);
  // The pointer may go onto the card, to select its text.
  else if (card && !event.target.closest('.dl-card')) waiting = setTimeout(hideCard, 250);
});
document.addEventListener('focusin', (event) => {
  const on = number(event.target);
  if (on && event.target.matches(':focus-visible')) showCard(on);
  else hideCard();
});
document.addEventListener('scroll', hideCard, true);

// --- tables --------------------------------------------------------------------------------------

const sort = (head) => {
  const row = head.parentElement;
  const column = [...row.children].indexOf(head);
  const down = head.getAttribute('aria-sort') === 'ascending';
  for (const each of row.children) each.setAttribute('aria-sort', 'none');
  head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  const body = head.closest('table').tBodies[0];
  const { compare } = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const value = (line) => line.children[column].dataset.value;
  const lines = [...body.rows].sort((a, b) =>
    // What is not known comes last, either way.
    !value(a) - !value(b) || compare(value(a), value(b)) * (down ? -1 : 1));
  body.append(...lines);
};

// --- what is clicked and typed -------------------------------------------------------------------

document.addEventListener('click', (event) => {
  const target = event.target.closest('button, .dl-languages a, [data-link]');
  if (!target) return;
  const { dataset, classList } = target;
  if (dataset.article) { hideCard(); open(target); }
  else if (classList.contains('dl-close')) close();
  else if (classList.contains('dl-back')) back();
  else if (classList.contains('dl-sort')) sort(target.closest('th'));
  else if (dataset.view) trigger('view', { view: dataset.view, exchange: exchange(target) });
  else if ('again' in dataset) trigger('again', { exchange: exchange(target), any_time: dataset.again === 'any-time' });
  else if ('edit' in dataset || 'keep' in dataset) {
    trigger('edit' in dataset ? 'edit' : 'keep', { exchange: exchange(target) });
    box()?.focus({ preventScroll: true });
  } else if (dataset.rate) {
    judged = [target, exchange(target), `[data-rate=${dataset.rate}]`];
    const verdict = target.getAttribute('aria-pressed') === 'true' ? '' : dataset.rate;
    // Who changes a verdict has still said what was said.
    const comment = target.closest('.dl-answer-tools').querySelector('textarea')?.value || '';
    trigger('rate', { exchange: exchange(target), verdict, reason: '', comment });
  } else if ('link' in dataset) {
    // Where the browser lets nothing be copied, the link is followed.
    if (!navigator.clipboard) return;
    event.preventDefault();
    navigator.clipboard.writeText(target.href).then(
      () => { target.nextElementSibling.textContent = words.copied; },
      () => { location.href = target.href; },
    );
  }
  else if (dataset.only) trigger('only', { article: dataset.only });
  else if (dataset.drop) {
    trigger('drop', { name: dataset.drop, value: dataset.value });
    box()?.focus({ preventScroll: true });
  } else if (target.matches('.dl-languages a')) {
    // An answer that the address opened stays open in another language.
    target.search = location.search;
    target.hash = location.hash;
  }
});
document.addEventListener('submit', (event) => {
  if (!event.target.matches('.dl-why')) return;
  event.preventDefault();
  judged = [event.target, exchange(event.target), '.dl-why button'];
  const said = Object.fromEntries(new FormData(event.target));
  trigger('rate', { exchange: exchange(event.target), verdict: event.target.dataset.verdict, reason: '', ...said });
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  if (card) hideCard();
  else if (element.contains(event.target)) back();
});

// --- the address ---------------------------------------------------------------------------------

// It names the newest answer that is kept, so that the page, loaded anew or in another language, shows it again.
const address = (answer) => {
  const url = new URL(location);
  if (answer) url.searchParams.set('answer', answer); else url.searchParams.delete('answer');
  history.replaceState(null, '', url);
};
let named = '';
const name = () => {
  const kept = [...document.querySelectorAll('.dl-answer-tools[data-kept]')].at(-1)?.dataset.kept || '';
  if (kept && kept !== named && !linked()) address(kept);
  else if (!kept && named && !document.querySelector('.dl-chat .dl-question')) address('');
  named = kept;
};
let wanted = new URLSearchParams(location.search).get('answer');
// The answer that the address names, when it has just been opened.
const linked = () => wanted && document.querySelector(`.dl-answer-tools[data-kept="${CSS.escape(wanted)}"]`);
if (wanted) trigger('reopen', { answer: wanted });

// --- what Gradio leaves out ----------------------------------------------------------------------

// A new question goes to the top of the chat, so that its answer is read from the beginning.
let asked = 0;
let seen = 0;
const follow = () => {
  const questions = document.querySelectorAll('.dl-chat .dl-question');
  if (questions.length > asked) {
    const log = questions[0].closest('[role=log]');
    const tools = [...document.querySelectorAll('.dl-answer-tools')];
    const last = questions[linked() ? tools.indexOf(linked()) : questions.length - 1];
    if (log && last) log.scrollTop += last.getBoundingClientRect().top - log.getBoundingClientRect().top - 16;
  }
  asked = questions.length;
  // From the next question on the newest one counts.
  if (linked() && questions.length) seen = seen || questions.length;
  if (seen && questions.length !== seen) wanted = '';
};

// What is typed decides its own direction; buttons are no list; what is read out is in the page's language.
const SAID = [
  ['.dl-chat [aria-label="chatbot conversation"]', words.conversation],
  [`.dl-chat [aria-label^="user's message"]`, words.question],
  [`.dl-chat [aria-label^="bot's message"]`, words.answer],
  ['[aria-label="More tabs"]', words.more_tabs],
];
let ready = false;
// The answer that was judged is drawn anew: what was pressed keeps the focus.
let judged = null;
const refocus = () => {
  if (!judged || judged[0].isConnected) return;
  const [, where, what] = judged;
  const drawn = document.querySelector(`.dl-answer-tools[data-exchange="${where}"] ${what}`);
  if (!drawn) return;
  judged = null;
  if (document.activeElement === document.body) drawn.focus({ preventScroll: true });
};
const dress = () => {
  for (const [selector, said] of SAID) {
    for (const each of document.querySelectorAll(selector)) each.setAttribute('aria-label', said);
  }
  for (const box of document.querySelectorAll('.dl-ask textarea')) {
    box.dir = 'auto';
    // On a phone the keyboard would cover the page.
    if (!ready && !narrow() && document.activeElement === document.body) box.focus({ preventScroll: true });
    ready = true;
  }
  for (const list of document.querySelectorAll('.dl-chat .examples[role=list]')) list.setAttribute('role', 'group');
};

new MutationObserver(() => { follow(); dress(); name(); refocus(); }).observe(document.body, { childList: true, subtree: true });
dress();
