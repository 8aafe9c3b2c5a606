"""The user's language.

Two kinds of text are translated, with the same catalogues (`velatura/locale`, gettext):

- `_`, `ngettext` and `pgettext` mark what only a window or a terminal shows. They return it in the user's language.
- `lazy_text` and `lazy_plural` mark sentences that may also be logged, stored or sent, such as errors. They return
  English, which remembers what it was made from; whoever shows it calls `translated`.

Both have a `format` that writes numbers as the language does.
"""

from velatura.i18n.catalogue import LOCALE, available_languages, current_language, use_language
from velatura.i18n.language import language_of_environment
from velatura.i18n.text import Text, lazy_list, lazy_plural, lazy_text, limited, sentences, translated
from velatura.i18n.windows import _, ngettext, pgettext

__all__ = [  # not translated: names
    "LOCALE",
    "Text",
    "_",
    "available_languages",
    "current_language",
    "language_of_environment",
    "lazy_list",
    "lazy_plural",
    "lazy_text",
    "limited",
    "ngettext",
    "pgettext",
    "sentences",
    "translated",
    "use_language",
]
