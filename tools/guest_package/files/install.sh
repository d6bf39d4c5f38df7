#!/bin/sh
# Installs Aliquot's guest package, or removes it: ./install.sh [--remove]. DESTDIR is honoured, and then
# nothing is started.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=${DESTDIR:-}
program=$top/usr/lib/aliquot-guest
icd=$top/etc/OpenCL/vendors/aliquot.icd
unit=$top/etc/systemd/system/aliquot-guest.service
rules=$top/etc/udev/rules.d/60-aliquot-guest.rules

systemd() { [ -z "$top" ] && [ -d /run/systemd/system ]; }

if [ "${1:-}" = --remove ]; then
    if systemd; then systemctl disable --now aliquot-guest.service || true; fi
    rm -rf "$program" "$icd" "$unit" "$rules"
    if systemd; then systemctl daemon-reload; udevadm control --reload; fi
    exit 0
fi
if [ $# -gt 0 ]; then
    echo "usage: $0 [--remove]" >&2
    exit 2
fi
mkdir -p "$program" "${icd%/*}" "${unit%/*}" "${rules%/*}"
# A program that is in use keeps the file that it has: the new one takes its place at once.
for file in aliquot-guest libaliquot-opencl.so README; do
    cp "$here/$file" "$program/.$file.new"
    mv -f "$program/.$file.new" "$program/$file"
done
chmod 755 "$program/aliquot-guest"
cp "$here/aliquot.icd" "$icd"
cp "$here/aliquot-guest.service" "$unit"
cp "$here/60-aliquot-guest.rules" "$rules"
chmod 644 "$program/libaliquot-opencl.so" "$program/README" "$icd" "$unit" "$rules"
if systemd; then
    systemctl daemon-reload
    udevadm control --reload
    udevadm trigger --action=add --subsystem-match=pci --attr-match=vendor=0x1af4 --attr-match=device=0x1110 || true
    udevadm settle --timeout=10 || true
    systemctl enable aliquot-guest.service
    systemctl restart aliquot-guest.service
fi
