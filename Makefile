# What people do here. The work is in Meson and scripts/; scripts/packages knows what each target needs from outside.

BUILD := build
PREFIX ?= /usr/local

all: $(BUILD)/build.ninja ## release build at build/leat
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || { echo "meson is missing; type: scripts/packages build" >&2; exit 1; }
	@meson setup $(BUILD) >$(BUILD).log 2>&1 || \
	    { cat $(BUILD).log >&2; echo "if a library is missing, type: scripts/packages build" >&2; exit 1; }
	@rm -f $(BUILD).log

demo: ## real flights from a live database into a Delta table, a dozen calm lines
	@scripts/packages demo
	@$(MAKE) --no-print-directory all
	@.venv/bin/python demo/demo.py

check: ## what a person and CI run: compilers, sanitizers, tests, format, layers, docs
	@scripts/packages check
	@scripts/check

torture: ## every fault point, one by one: a long walk
	@scripts/packages check
	@scripts/check torture

bench: all ## TPC-H lineitem from memory, SQLite and PostgreSQL, against others
	@scripts/packages bench
	@.venv/bin/python bench/encode.py
	@.venv/bin/python bench/lineitem.py
	@.venv/bin/python bench/by_day.py
	@.venv/bin/python bench/nothing_new.py
	@.venv/bin/python bench/postgres.py

bench-postgres: all ## lineitem from PostgreSQL against all others: half an hour of building them the first time
	@scripts/packages bench-postgres
	@.venv/bin/python bench/postgres.py
	@.venv/bin/python bench/hot_functions.py postgres

bench-large: all ## loads of 1, 10 and 50 or 60 million rows, and memory: an hour and 18 GB the first time
	@scripts/packages bench
	@.venv/bin/python bench/scale.py
	@.venv/bin/python bench/scale_postgres.py
	@.venv/bin/python bench/memory.py

install: all ## PREFIX=/usr/local, DESTDIR=
	@install -D -m 755 $(BUILD)/leat $(DESTDIR)$(PREFIX)/bin/leat
	@install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/leat/LICENSE

docs: all ## the reference pages, from the option tables
	@scripts/docs write

format: ## clang-format on every C file
	@git ls-files 'src/*.[ch]' 'tests/*.[ch]' 'bench/*.[ch]' | xargs clang-format -i

tidy: ## clang-tidy, slower than the compilers' own warnings
	@scripts/check tidy

clean: ## remove builds; .venv and .cache stay
	@rm -rf $(BUILD) build-check

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

.PHONY: all demo check torture bench bench-postgres bench-large install docs format tidy clean help
