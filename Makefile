# What people do here. The work is in Meson and scripts/.
BUILD := build

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@meson setup $(BUILD) >/dev/null

.PHONY: all
