"""Recorded results become a site: a folder of pages that a browser reads without a server and without a network.

Enters: a run folder or a sweep folder, and the project's own notebooks and documents, which pages link to.
Leaves: a folder with `index.html`, a page per notebook and document, the same page as Markdown, and `llms.txt`.
Open `build` first.
"""
