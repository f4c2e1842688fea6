"""docs/reference is what the program would write."""

import harness


def test_the_reference_pages_are_fresh(shop):
    fresh = shop.folder / "reference"
    fresh.mkdir()
    result = shop.leat("docs", fresh)
    assert result.code == 0, result
    committed = {page.name: page.read_text() for page in (harness.ROOT / "docs" / "reference").glob("*.md")}
    written = {page.name: page.read_text() for page in fresh.glob("*.md")}
    assert sorted(committed) == sorted(written), "type: make docs"
    stale = [name for name in committed if committed[name] != written[name]]
    assert not stale, f"{stale}: type: make docs"


def test_every_command_has_a_page_and_an_example(shop):
    page = (harness.ROOT / "docs" / "reference" / "commands.md").read_text()
    overview = shop.leat("--help").out
    commands = [line.split()[0] for line in overview.splitlines() if line.startswith("  ")]
    assert len(commands) >= 10
    for command in commands:
        assert f"## leat {command}\n" in page
        text = shop.leat(command, "--help")
        assert text.code == 0 and f"Usage: leat {command}" in text.out and "Example:" in text.out
