"""A shop whose source is a PostgreSQL: its job, and what it loaded."""

import textwrap

from readers import READERS


def write_job(shop, url, streams, source_words=""):
    shop.job.write_text(
        f"source: {{url: '{url}'{source_words}}}\ntarget: ./lake\nstreams:\n"
        + textwrap.indent(textwrap.dedent(streams).strip(), "  ")
        + "\n"
    )


def table(shop, schema, name, reader="pyarrow"):
    return READERS[reader](shop.lake / schema / name)


def rows(shop, schema, name, *columns):
    got = table(shop, schema, name)
    return sorted(zip(*(got[c].to_pylist() for c in columns)), key=repr)
