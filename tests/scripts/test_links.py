"""Links between documents lead somewhere."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_every_relative_link_leads_to_a_file():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    dead = []
    for name in listed.stdout.split():
        page = ROOT / name
        for target in LINK.findall(page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                dead.append(f"{name}: {target}")
    assert not dead, "\n".join(dead)
