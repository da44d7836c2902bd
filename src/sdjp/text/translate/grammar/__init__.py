"""From Japanese words to an English phrase, in small passes.

::

    segment      text -> words: morphemes, longest match over the table, inflection        segment.py
    phrases      words -> phrases: which word belongs to which, by particles               phrases.py
    generate     phrases -> English: order, punctuation                                    generate.py

``parts.py`` has the parts of phrases. ``realization.py`` says nouns with their clauses and clauses with
their nouns; ``nouns.py`` (number, articles, counting) and ``verbs.py`` (participles, prepositions) say each
by itself. ``lookup.py`` finds the English of one word, ``cuts.py`` cuts where MeCab does not, ``genitive.py``
holds the rules of の, ``english.py`` the inflection of English, ``romaji.py`` the spelling of what no table
knows.
"""
