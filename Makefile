# Builds the Mobile IP suite. `make` writes only below $(BUILD); it needs no network and no root.
#
#   make                 the four programs and libmip.a
#   make unit            the unit test programs, below $(BUILD)/tests/unit
#   make unit-NAME       one of them, built and run
#   make sim             the simulator, $(BUILD)/sim/mip-sim
#   make bench           what scripts/bench measures with, below $(BUILD)/tests/bench
#   make fuzz            the fuzz targets (clang), below $(BUILD)/fuzz
#   make fault           the tests in which allocations fail, below $(BUILD)/tests/fault; meant for SANITIZE=1
#   make layers          the check that each layer sees only what lies below it
#   make install         with DESTDIR= and PREFIX=
#   make SANITIZE=1      the same below build/sanitize, with AddressSanitizer and UBSan

VERSION  = 0.1.0
BUILD   ?= build$(if $(SANITIZE),/sanitize)
PREFIX  ?= /usr/local
CC      ?= cc
AR      ?= ar
# What is being made is said in a word; V=1 shows the commands.
Q        = $(if $(V),,@)
say      = @$(if $(V),:,printf '  %-4s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$@)')

WARNINGS = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wimplicit-fallthrough \
	-Wredundant-decls -Wdate-time
CFLAGS  ?= -O2 -g
HARDEN   = -fstack-protector-strong -fPIE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
SANITIZERS = $(if $(SANITIZE),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
comma   := ,

PACKAGES = libnl-3.0 libnl-route-3.0 libnftables libcrypto libconfig jansson sqlite3 libcap-ng
LIBRARY_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) | sed 's/-I/-isystem /g')
LIBRARIES      := $(shell pkg-config --libs $(PACKAGES)) -lev -pthread
SYSTEMD  := $(shell pkg-config --exists libsystemd && echo yes)
ifeq ($(SYSTEMD),yes)
LIBRARY_CFLAGS += -DHAVE_SYSTEMD=1
LIBRARIES      += $(shell pkg-config --libs libsystemd)
endif

# The bpf programs of the data plane are made by clang and become part of the binaries; without clang or libbpf the
# other planes are there, and say so. BPF_CC= leaves them out.
BPF_CC   ?= clang
BPF      := $(and $(BPF_CC),$(shell pkg-config --exists libbpf && echo 'int i;' | \
	$(BPF_CC) -target bpf -g -c -x c -o /dev/null - 2>/dev/null && echo yes))
BPF_OBJECT = $(BUILD)/obj/libmip/plane/bpf/tunnel.bpf
ifeq ($(BPF),yes)
LIBRARIES += $(shell pkg-config --libs libbpf)
BPF_FLAGS  = -DMIP_BPF_OBJECT='"$(BPF_OBJECT)"'
endif

# uthash's default hash falls through its cases in a way that clang's warnings refuse; OAT has no cases. (Nor has FNV, but
# its low bits are too alike for addresses in a row: a table of 100,000 of them stops growing, and takes seconds to fill.)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DMIP_VERSION='"$(VERSION)"' -DHASH_NONFATAL_OOM=1 -DHASH_FUNCTION=HASH_OAT \
	$(WARNINGS) $(HARDEN) $(SANITIZERS) $(LIBRARY_CFLAGS) $(BPF_FLAGS) $(CFLAGS)

# Each layer is compiled with the include paths of the layers below it, and of no other (quoted includes only).
see = $(addprefix -iquote ,$(1))
SEE_base  := $(call see,libmip/base)
SEE_wire  := $(SEE_base) $(call see,libmip/wire)
SEE_auth  := $(SEE_wire) $(call see,libmip/auth)
SEE_agent := $(SEE_auth) $(call see,libmip/agent)
SEE_sys   := $(SEE_base) $(call see,libmip/sys)
SEE_plane := $(SEE_wire) $(call see,libmip/plane)
SEE_host  := $(SEE_auth) $(call see,libmip/sys libmip/plane libmip/host)
SEE_core   = $(SEE_agent) $(call see,$(1)/core)
SEE_shell  = $(SEE_agent) $(call see,libmip/sys libmip/plane libmip/host $(1)/core $(1)/shell)
SEE_all   := $(SEE_agent) $(call see,libmip/sys libmip/plane libmip/host ha/core fa/core mn/core ha/shell fa/shell mn/shell mipctl)

ROLES  := ha fa mn
LAYERS := base wire auth agent sys plane host
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)/*.c))

# One of the two: the bpf accelerator, or what stands in its place.
BPF_OBJECTS    := $(patsubst %,$(BUILD)/obj/libmip/plane/%.o,bpf_firewall bpf_links bpf_programs bpf_table bpf_trial plane_bpf)
WITHOUT_BPF    := $(if $(BPF),$(BUILD)/obj/libmip/plane/plane_bpf_absent.o,$(BPF_OBJECTS))
LIBMIP_OBJECTS := $(filter-out $(WITHOUT_BPF),$(foreach layer,$(LAYERS),$(call objects,libmip/$(layer))))
PURE_OBJECTS   := $(foreach room,libmip/base libmip/wire libmip/auth libmip/agent $(ROLES:%=%/core),$(call objects,$(room)))
PROGRAMS := $(BUILD)/mip-ha $(BUILD)/mip-fa $(BUILD)/mip-mn $(BUILD)/mipctl

.PHONY: all unit fuzz layers install clean programs cppcheck tidy
.DELETE_ON_ERROR:
.SECONDARY:
all: programs layers
programs: $(PROGRAMS) $(BUILD)/libmip.a

$(BUILD)/obj/libmip/base/%.o:  SEE = $(SEE_base)
$(BUILD)/obj/libmip/wire/%.o:  SEE = $(SEE_wire)
$(BUILD)/obj/libmip/auth/%.o:  SEE = $(SEE_auth)
$(BUILD)/obj/libmip/agent/%.o: SEE = $(SEE_agent)
$(BUILD)/obj/libmip/sys/%.o:   SEE = $(SEE_sys)
$(BUILD)/obj/libmip/plane/%.o: SEE = $(SEE_plane)
$(BUILD)/obj/libmip/host/%.o:  SEE = $(SEE_host)
$(BUILD)/obj/mipctl/%.o:       SEE = $(SEE_sys) $(call see,mipctl)
$(BUILD)/obj/tests/%.o:        SEE = $(SEE_all) $(call see,tests/unit tests/fuzz tests/fault tests/sim)
define role_rules
$(BUILD)/obj/$(1)/core/%.o:  SEE = $(call SEE_core,$(1))
$(BUILD)/obj/$(1)/shell/%.o: SEE = $(call SEE_shell,$(1))
$(BUILD)/lib$(1)-core.a: $(call objects,$(1)/core)
$(BUILD)/lib$(1)-shell.a: $(filter-out %/main.o,$(call objects,$(1)/shell))
$(BUILD)/mip-$(1): $(BUILD)/obj/$(1)/shell/main.o $(BUILD)/lib$(1)-shell.a $(BUILD)/lib$(1)-core.a $(BUILD)/libmip.a
endef
$(foreach role,$(ROLES),$(eval $(call role_rules,$(role))))

$(BUILD)/libmip.a: $(LIBMIP_OBJECTS)
$(BUILD)/mipctl: $(call objects,mipctl) $(BUILD)/libmip.a

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) $(SEE) -MMD -MP -c -o $@ $<

$(BUILD)/obj/libmip/plane/bpf_programs.o $(BUILD)/fuzz/obj/libmip/plane/bpf_programs.o: $(BPF_OBJECT)
$(BPF_OBJECT): libmip/plane/bpf/tunnel.c $(wildcard libmip/plane/bpf/*.h) libmip/plane/bpf_shared.h Makefile
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(BPF_CC) -target bpf -O2 -g -Wall -Wextra -Werror -Ilibmip/plane \
		$(addprefix -I/usr/include/,$(shell $(BPF_CC) -print-multiarch 2>/dev/null || $(CC) -print-multiarch)) -c -o $@ $<

$(BUILD)/lib%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(PROGRAMS):
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) -pie -Wl,-z,relro,-z,now $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBRARIES)

# --- tests ------------------------------------------------------------------------------------------------------

$(BUILD)/libmipctl.a: $(filter-out %/main.o,$(call objects,mipctl))
TEST_LIBRARIES = $(foreach role,$(ROLES),$(BUILD)/lib$(role)-shell.a $(BUILD)/lib$(role)-core.a) \
	$(BUILD)/libmipctl.a $(BUILD)/libmip.a
UNIT_TESTS := $(patsubst tests/unit/test_%.c,$(BUILD)/tests/unit/test_%, \
	$(filter-out $(if $(BPF),,%_bpf.c $(wildcard tests/unit/test_bpf_*.c)),$(wildcard tests/unit/test_*.c)))
UNIT_HELPERS := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out tests/unit/test_% tests/unit/made_up_% $(if $(BPF),,tests/unit/bpf_%),$(wildcard tests/unit/*.c)))

unit: $(UNIT_TESTS)
unit-%: $(BUILD)/tests/unit/test_%
	$<

# An archive, so that each test has only the helpers that it asks for.
$(BUILD)/libunit-helpers.a: $(UNIT_HELPERS)

$(BUILD)/tests/unit/test_%: $(BUILD)/obj/tests/unit/test_%.o $(BUILD)/libunit-helpers.a $(TEST_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBRARIES) -lcmocka

# What has the names of the library's own functions goes only to the test that asks for it.
$(BUILD)/tests/unit/test_host: $(BUILD)/obj/tests/unit/made_up_linux.o

# The C sides of what Python judges: the golden messages with the pure libraries alone, a machine to be talked to.
.PHONY: judge
judge: $(BUILD)/tests/judge/judge $(BUILD)/tests/judge/exchange
$(BUILD)/tests/judge/exchange: $(BUILD)/obj/tests/judge/exchange.o \
		$(foreach role,$(ROLES),$(BUILD)/lib$(role)-core.a) $(BUILD)/libmip.a
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBRARIES)
$(BUILD)/tests/judge/judge: $(BUILD)/obj/tests/judge/judge.o \
		$(foreach layer,base wire auth,$(call objects,libmip/$(layer)))
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(LDFLAGS) -o $@ $^ $(LIBRARIES)

# What scripts/bench measures with.
.PHONY: bench
BENCH_PROGRAMS := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c))
bench: $(BENCH_PROGRAMS)
$(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libmip.a
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(LDFLAGS) -o $@ $^ $(LIBRARIES)

# --- allocations that fail: the libraries' own calls are given other names, so that the tests around them go on -------

.PHONY: fault
FAULTS := $(patsubst tests/fault/fault_%.c,$(BUILD)/tests/fault/fault_%,$(wildcard tests/fault/fault_*.c))
FAULTY  = $(foreach function,malloc calloc realloc reallocarray strdup strndup EVP_MAC_fetch EVP_MAC_CTX_new EVP_MAC_CTX_dup EVP_MAC_init \
	EVP_MAC_update EVP_MAC_final EVP_MD_fetch EVP_MD_CTX_new EVP_MD_CTX_copy_ex EVP_DigestInit_ex EVP_DigestUpdate \
	EVP_DigestFinal_ex EVP_Digest,--redefine-sym $(function)=fault_$(function))
fault: $(FAULTS)
$(BUILD)/fault/%.a: $(BUILD)/%.a
	@mkdir -p $(@D)
	$(Q)objcopy $(FAULTY) $< $@
# One of its own for the test of netlink, whose sockets fail as well.
$(BUILD)/fault/netlink/libmip.a: $(BUILD)/libmip.a
	@mkdir -p $(@D)
	$(Q)objcopy $(FAULTY) --redefine-sym recvfrom=fault_recvfrom --redefine-sym send=fault_send $< $@
$(BUILD)/tests/fault/fault_netlink: $(BUILD)/obj/tests/fault/fault_netlink.o $(BUILD)/obj/tests/fault/fault.o \
		$(BUILD)/obj/tests/fault/libcrypto.o $(BUILD)/libunit-helpers.a $(BUILD)/fault/netlink/libmip.a
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBRARIES) -lcmocka

$(BUILD)/tests/fault/fault_%: $(BUILD)/obj/tests/fault/fault_%.o $(BUILD)/obj/tests/fault/fault.o $(BUILD)/obj/tests/fault/libcrypto.o $(BUILD)/libunit-helpers.a \
		$(patsubst $(BUILD)/%,$(BUILD)/fault/%,$(TEST_LIBRARIES))
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBRARIES) -lcmocka

# The simulator. What the project's code allocates is counted (tests/sim/sim_memory.h).
.PHONY: sim
sim: $(BUILD)/sim/mip-sim
SIM_WRAPS := $(foreach name,malloc calloc realloc reallocarray free,-Wl$(comma)--wrap=$(name))
$(BUILD)/sim/mip-sim: $(call objects,tests/sim) $(foreach role,$(ROLES),$(BUILD)/lib$(role)-core.a) $(BUILD)/libmip.a
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(LDFLAGS) $(SIM_WRAPS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBRARIES) -lm

# --- fuzz targets: everything compiled again by clang, with coverage for libFuzzer and both sanitizers -------------

FUZZ_CC     ?= clang
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/fuzz/fuzz_%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS   = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1 -g
FUZZ_LIBRARY := $(BUILD)/fuzz/libfuzzed.a
FUZZ_OBJECTS := $(patsubst $(BUILD)/obj/%,$(BUILD)/fuzz/obj/%,$(LIBMIP_OBJECTS) \
	$(foreach role,$(ROLES),$(call objects,$(role)/core)))

fuzz: $(FUZZ_TARGETS)
$(BUILD)/fuzz/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,FUZZ)
	$(Q)$(FUZZ_CC) $(filter-out -D_FORTIFY_SOURCE=2,$(ALL_CFLAGS)) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(SEE_all) \
		$(call see,tests/fuzz) -MMD -MP -c -o $@ $<
$(FUZZ_LIBRARY): $(FUZZ_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
# What targets share, the mutators: those that a target asks for.
FUZZ_HELPERS := $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(filter-out tests/fuzz/fuzz_% tests/fuzz/standalone.c,$(wildcard tests/fuzz/*.c)))
$(BUILD)/fuzz/libfuzz-helpers.a: $(FUZZ_HELPERS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o $(BUILD)/fuzz/libfuzz-helpers.a $(FUZZ_LIBRARY)
	$(call say,FUZZ)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBRARIES)

# The same targets without libFuzzer, by any compiler: scripts/cover runs the corpora through them.
.PHONY: cover-fuzz
cover-fuzz: $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/tests/fuzz/fuzz_%,$(wildcard tests/fuzz/fuzz_*.c))
$(BUILD)/libfuzz-helpers.a: $(FUZZ_HELPERS:$(BUILD)/fuzz/obj/%=$(BUILD)/obj/%)
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/standalone.o $(BUILD)/libfuzz-helpers.a $(TEST_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBRARIES)

# --- the layering -------------------------------------------------------------------------------------------------

# Sanitizers bring symbols of their own, so the plain build is the one that is judged.
layers: $(BUILD)/layers.ok
$(BUILD)/layers.ok: $(PURE_OBJECTS) scripts/layers scripts/layers.allowed
ifeq ($(SANITIZE),)
	scripts/layers scripts/layers.allowed $(PURE_OBJECTS)
endif
	@mkdir -p $(@D)
	@touch $@

# --- style ---------------------------------------------------------------------------------------------------------

# Each is run over the project's own sources with the include paths of every layer; what a layer may see, the build says.
# scripts/analysis holds what the analysers see of uthash.
SOURCES := $(wildcard libmip/*/*.c $(ROLES:%=%/core/*.c) $(ROLES:%=%/shell/*.c) mipctl/*.c)

cppcheck:
	@mkdir -p $(BUILD)/cppcheck
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=unknownMacro --cppcheck-build-dir=$(BUILD)/cppcheck \
		-D_GNU_SOURCE -DHAVE_SYSTEMD=1 -DMIP_VERSION='""' -Iscripts/analysis $(addprefix -I,$(filter-out -iquote,$(SEE_all))) -j 2 $(SOURCES)

# How far clang's analyzer follows a function: its own default is 225000, takes four times as long and found nothing more.
TIDY_NODES ?= 60000
tidy: $(SOURCES:%.c=$(BUILD)/tidy/%.ok)
$(BUILD)/tidy/%.ok: %.c .clang-tidy
	@mkdir -p $(@D)
	$(call say,TIDY)
	$(Q)clang-tidy --quiet $< -- -isystem scripts/analysis $(filter-out -D_FORTIFY_SOURCE=2 -Werror,$(ALL_CFLAGS)) $(SEE_all) \
		-Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES)
	@touch $@

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
-include install.mk
