// SPDX-License-Identifier: Apache-2.0

/** Small helpers for the page's elements. Text is always set as text, never as markup. */

/** The element of an id, which must be there. */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) {
    throw new Error(`The page has no element "${id}".`);
  }
  return element;
}

/** Makes an element: attributes and properties by name, then children, texts among them. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in element && typeof value !== 'string') {
      element[key] = value;
    } else if (key === 'className') {
      element.className = value;
    } else {
      element.setAttribute(key, value);
    }
  }
  element.append(...children);
  return element;
}

/** Sets a text only if it is another one, so that nothing is laid out for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Makes a list of tabs work as the ARIA practices say: one tab stop, arrows, Home and End. */
export function makeTabs(list, onShow) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const show = (shown) => {
    for (const tab of tabs) {
      const isShown = tab === shown;
      tab.setAttribute('aria-selected', String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      byId(tab.getAttribute('aria-controls')).hidden = !isShown;
    }
    onShow(shown.getAttribute('aria-controls'));
  };
  for (const tab of tabs) {
    tab.addEventListener('click', () => show(tab));
  }
  list.addEventListener('keydown', (event) => {
    const at = tabs.indexOf(document.activeElement);
    const goals = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 };
    if (at >= 0 && event.key in goals) {
      event.preventDefault();
      const goal = tabs.at(goals[event.key] % tabs.length);
      goal.focus();
      show(goal);
    }
  });
}
