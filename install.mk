# make install: binaries, man pages, unit files, the user they run as, example configurations, completions.
#
#   PREFIX   where they are used from (/usr/local)      DESTDIR   put before it, for those who build packages
#
# A distribution's package sets PREFIX=/usr. The unit files then name the daemons where they went.

INSTALL       ?= install
BINDIR        ?= $(PREFIX)/bin
SBINDIR       ?= $(PREFIX)/sbin
MANDIR        ?= $(PREFIX)/share/man
EXAMPLEDIR    ?= $(PREFIX)/share/doc/mip/examples
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
UNITDIR       ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR   ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR   ?= $(PREFIX)/lib/tmpfiles.d

.PHONY: install-programs install-manuals install-units install-user install-examples install-completions uninstall
install: install-programs install-manuals install-units install-user install-examples install-completions

install-programs: programs
	$(INSTALL) -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 755 $(ROLES:%=$(BUILD)/mip-%) $(DESTDIR)$(SBINDIR)
	$(INSTALL) -m 755 $(BUILD)/mipctl $(DESTDIR)$(BINDIR)

install-manuals:
	$(INSTALL) -d $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man8
	$(INSTALL) -m 644 mipctl/mipctl.1 $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 $(foreach role,$(ROLES),$(role)/mip-$(role).8) $(DESTDIR)$(MANDIR)/man8

install-units: $(ROLES:%=install-unit-%)
install-unit-%:
	$(INSTALL) -d $(DESTDIR)$(UNITDIR)
	sed 's|^\(Exec[A-Za-z]*=\)[^ ]*/mip-$*|\1$(SBINDIR)/mip-$*|' $*/mip-$*.service > $(DESTDIR)$(UNITDIR)/mip-$*.service
	chmod 644 $(DESTDIR)$(UNITDIR)/mip-$*.service

# systemd-sysusers and systemd-tmpfiles make of these the user and the folder of the configurations.
install-user:
	$(INSTALL) -d $(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(TMPFILESDIR)
	$(INSTALL) -m 644 system/mip.sysusers.conf $(DESTDIR)$(SYSUSERSDIR)/mip.conf
	$(INSTALL) -m 644 system/mip.tmpfiles.conf $(DESTDIR)$(TMPFILESDIR)/mip.conf

install-examples:
	$(INSTALL) -d $(DESTDIR)$(EXAMPLEDIR)
	$(INSTALL) -m 644 $(foreach role,$(ROLES),$(role)/$(role).conf.example) $(DESTDIR)$(EXAMPLEDIR)

# bash-completion looks for a file by the name of the command.
install-completions:
	$(INSTALL) -d $(DESTDIR)$(COMPLETIONDIR)
	$(INSTALL) -m 644 mipctl/mipctl.bash-completion $(DESTDIR)$(COMPLETIONDIR)/mipctl
	for program in $(ROLES:%=mip-%); do ln -sf mipctl $(DESTDIR)$(COMPLETIONDIR)/$$program || exit 1; done

uninstall:
	rm -f $(ROLES:%=$(DESTDIR)$(SBINDIR)/mip-%) $(DESTDIR)$(BINDIR)/mipctl $(DESTDIR)$(MANDIR)/man1/mipctl.1 \
		$(ROLES:%=$(DESTDIR)$(MANDIR)/man8/mip-%.8) $(ROLES:%=$(DESTDIR)$(UNITDIR)/mip-%.service) \
		$(DESTDIR)$(SYSUSERSDIR)/mip.conf $(DESTDIR)$(TMPFILESDIR)/mip.conf \
		$(ROLES:%=$(DESTDIR)$(EXAMPLEDIR)/%.conf.example) $(DESTDIR)$(COMPLETIONDIR)/mipctl \
		$(ROLES:%=$(DESTDIR)$(COMPLETIONDIR)/mip-%)
