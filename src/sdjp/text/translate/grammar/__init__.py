"""From Japanese words to an English phrase, in small passes.

::

    segment      text -> words: morphemes, longest match over the table, inflection        segment.py
    phrases      words -> phrases: which word belongs to which, by particles               phrases.py
    generate     phrases -> English: order, punctuation                                    generate.py

``parts.py`` has what phrases are made of, ``nouns.py`` says noun phrases (number, articles, what stands
around them), ``clauses.py`` what verbs say of them. ``cuts.py`` cuts where MeCab does not, ``genitive.py``
holds the rules of の, ``english.py`` the inflection of English, ``romaji.py`` the spelling of what no table
knows.
"""
