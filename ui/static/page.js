// Opens the article of a clicked citation beside the chat. `element` is the article panel;
// `trigger` asks the server for the article; `watch` runs once the panel shows it.
let opener = null;

const show = () => {
  const article = element.querySelector('.dl-article, .dl-error');
  if (!article) return;
  const mark = element.querySelector('mark');
  const panel = element.closest('.dl-panel') || element;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  article.focus({ preventScroll: true });
  const box = panel.getBoundingClientRect();
  if (box.top < 0 || box.top > innerHeight * 0.6) {
    // On a narrow screen the panel is below the chat.
    panel.scrollIntoView({ block: 'start', behavior: 'instant' });
  }
  if (!mark) { panel.scrollTop = 0; return; }
  const offset = mark.getBoundingClientRect().top - panel.getBoundingClientRect().top;
  const middle = Math.max(0, (panel.clientHeight - mark.offsetHeight) / 2);
  panel.scrollTo({ top: panel.scrollTop + offset - middle, behavior: calm ? 'instant' : 'smooth' });
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
  const language = target.closest('[data-language]')?.dataset.language || document.documentElement.lang;
  trigger('cite', { article, start: Number(start), end: Number(end), version, language });
};

// To the number that opened the article; to the question box when that is gone.
const back = () => {
  const to = opener?.isConnected ? opener : document.querySelector('.dl-ask textarea');
  to?.scrollIntoView({ block: 'nearest', behavior: 'instant' });
  to?.focus({ preventScroll: true });
};

document.addEventListener('click', (event) => {
  const target = event.target.closest('button[data-article]');
  if (target) open(target);
  else if (event.target.closest('.dl-back')) back();
  // An answer that the address opened stays open in another language.
  const link = event.target.closest('.dl-languages a');
  if (link) { link.search = location.search; link.hash = location.hash; }
});
element.addEventListener('keydown', (event) => { if (event.key === 'Escape') back(); });
watch('value', show);

// A new question goes to the top of the chat, so that its answer is read from the beginning.
let asked = 0;
const follow = () => {
  const questions = document.querySelectorAll('.dl-chat .dl-question');
  if (questions.length > asked) {
    const log = questions[0].closest('[role=log]');
    const last = questions[questions.length - 1];
    if (log) log.scrollTop += last.getBoundingClientRect().top - log.getBoundingClientRect().top - 16;
  }
  asked = questions.length;
};

// What is typed decides its own direction.
const dress = () => {
  for (const box of document.querySelectorAll('.dl-ask textarea')) box.dir = 'auto';
};

new MutationObserver(() => { follow(); dress(); }).observe(document.body, { childList: true, subtree: true });
dress();
