"""The pages, by what they are about. Each group takes what stands behind all of them."""

from comodels.dashboard.site import Site


class Pages:
    """A group of pages; each takes a request and the fields of its form, and gives a response."""

    def __init__(self, site: Site):
        self.site = site
