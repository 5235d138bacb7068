"""A reader of the site, who comes for the first time."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page
from reading import HEIGHT, PATIENCE, WIDTHS, watch


@pytest.fixture
def reader(browser) -> Iterator[Page]:
    """A page of a reader who comes for the first time; whatever it asks for is a file, and nothing goes wrong."""
    with browser.new_context(viewport={"width": WIDTHS[0], "height": HEIGHT}) as context:
        page, troubles = context.new_page(), []
        page.set_default_timeout(PATIENCE)
        watch(page, troubles)
        yield page
        assert not troubles
