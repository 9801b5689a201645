"""What numbers are called: fields of control blocks, bits of them, exits. All of it is read out of the sources (config/fields.h,
config/bits.h, the exit tables of the back ends), but for what is in the tables below. tools/decode and gdb's `nestor` use it."""
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

GPRS = 'RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15'.split() # in the order of their numbers

# Fields and registers whose bits have a list in config/bits.h.
GROUPS = {
    'PIN_CONTROLS': 'PIN', 'PROC_CONTROLS': 'PROC', 'PROC2_CONTROLS': 'PROC2', 'TERTIARY_CONTROLS': 'PROC3',
    'EXIT_CONTROLS': 'EXITC', 'SECONDARY_EXIT_CONTROLS': 'EXITC2', 'ENTRY_CONTROLS': 'ENTRYC',
    'VM_FUNCTION_CONTROLS': 'FUNCTION', 'VMCB_INTERCEPT_MISC1': 'MISC1', 'VMCB_INTERCEPT_MISC2': 'MISC2',
    'VMCB_INTERCEPT_MISC3': 'MISC3', 'IA32_VMX_BASIC': 'BASIC', 'IA32_VMX_MISC': 'MISC', 'IA32_VMX_EPT_VPID_CAP': 'EPT',
    'CPUID_8000000A_EDX': 'SVM',
}


def bits(text):
    """'0 PE, 1 MP' -> {0: 'PE', 1: 'MP'}"""
    return {int(number): name for number, name in (item.split() for item in text.split(','))}


EXCEPTIONS = bits('0 #DE, 1 #DB, 2 NMI, 3 #BP, 4 #OF, 5 #BR, 6 #UD, 7 #NM, 8 #DF, 10 #TS, 11 #NP, 12 #SS, 13 #GP, 14 #PF, 16 #MF,'
                  '17 #AC, 18 #MC, 19 #XM, 20 #VE, 21 #CP')
CR0 = bits('0 PE, 1 MP, 2 EM, 3 TS, 4 ET, 5 NE, 16 WP, 18 AM, 29 NW, 30 CD, 31 PG')
CR4 = bits('0 VME, 1 PVI, 2 TSD, 3 DE, 4 PSE, 5 PAE, 6 MCE, 7 PGE, 8 PCE, 9 OSFXSR, 10 OSXMMEXCPT, 11 UMIP, 12 LA57, 13 VMXE,'
           '14 SMXE, 16 FSGSBASE, 17 PCIDE, 18 OSXSAVE, 20 SMEP, 21 SMAP, 22 PKE, 23 CET, 24 PKS')
EFER = bits('0 SCE, 8 LME, 10 LMA, 11 NXE, 12 SVME, 13 LMSLE, 14 FFXSR, 15 TCE')
RFLAGS = bits('0 CF, 1 always-1, 2 PF, 4 AF, 6 ZF, 7 SF, 8 TF, 9 IF, 10 DF, 11 OF, 14 NT, 16 RF, 17 VM, 18 AC, 19 VIF, 20 VIP, 21 ID')
EPT_ACCESS = bits('0 read, 1 write, 2 fetch, 3 readable, 4 writable, 5 executable, 7 linear-address-valid, 8 not-of-a-table')
NPF_ACCESS = bits('0 present, 1 write, 2 user, 3 reserved-bit, 4 fetch, 32 of-the-page, 33 of-a-table')
V_INTR = bits('8 V_IRQ, 9 V_GIF, 20 V_IGN_TPR, 24 V_INTR_MASKING, 25 V_GIF_ENABLE')
CLEAN = bits('0 intercepts, 1 IOPM, 2 ASID, 3 TPR, 4 nested-paging, 5 CRx, 6 DRx, 7 tables, 8 segments, 9 CR2, 10 LBR')
BLOCKING = bits('0 by-STI, 1 by-MOV-SS, 2 by-SMI, 3 by-NMI, 4 enclave')

# Others, by how the name ends or what it is.
OTHERS = [
    (re.compile(r'(^|_)CR0$'), CR0), (re.compile(r'(^|_)CR4$'), CR4), (re.compile(r'(^|_)(IA32_)?EFER$'), EFER),
    (re.compile(r'(^|_)RFLAGS$'), RFLAGS), (re.compile(r'^(VMCB_INTERCEPT_EXCEPTION|EXCEPTION_BITMAP)$'), EXCEPTIONS),
    (re.compile(r'^GUEST_INTERRUPTIBILITY$'), BLOCKING), (re.compile(r'^VMCB_CLEAN$'), CLEAN),
    (re.compile(r'^VMCB_NESTED_CONTROL$'), bits('0 NP_ENABLE, 1 SEV, 2 SEV-ES, 3 GMET')),
    (re.compile(r'^VMCB_LBR_CONTROL$'), bits('0 LBR, 1 virtual-VMLOAD')),
    (re.compile(r'^VMCB_INTERRUPT_SHADOW$'), bits('0 in-shadow')),
]
VMX_EVENTS = ['external interrupt', 'reserved type', 'NMI', 'exception', 'software interrupt', 'privileged software exception',
              'software exception', 'other event']
SVM_EVENTS = ['external interrupt', 'reserved type', 'NMI', 'exception', 'software interrupt', 'reserved type', 'reserved type',
              'reserved type']
ACTIVITY = ['active', 'HLT', 'shutdown', 'wait for SIPI']


def source(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as file:
        return file.read()


class Names:
    """vmcs: encoding -> name; vmcb: offset -> (bytes, name); bits: group -> {bit: name}; registers: what a monitor calls them."""

    def __init__(self):
        fields = source('config/fields.h')
        self.vmcs = {int(encoding, 16): name for encoding, name in re.findall(r'X\((0x\w{4}), (\w+)\)', fields)}
        self.vmcb = {int(offset, 16): (int(size), name)
                     for offset, size, name in re.findall(r'X\((0x\w+), (\d), (VMCB_\w+)\)', fields)}
        self.bits = {}
        for group, bit, name in re.findall(r'X\((\w+), (\d+), (\w+)\)', source('config/bits.h')):
            self.bits.setdefault(group, {})[int(bit)] = re.sub('^%s_|^INTERCEPT_' % group, '', name)
        table = source('vmm/monitor/reg.c')
        self.registers = set(re.findall(r'\] = \{"([^"]+)"', table)) | set(GPRS)
        for segment in re.findall(r'^ +SEGMENT\("(\w+)"', table, re.M):
            self.registers.update('%s %s' % (segment, part) for part in ('selector', 'limit', 'rights', 'base'))
        self.vmx_exits = {int(number): name for number, name in
                          re.findall(r'\[(\d+)\] = \{"([^"]+)"', source('kernel/vmx/exits.c'))}
        self.svm_exits = self._svm_exits(source('kernel/svm/exits.c'))

    @staticmethod
    def _svm_exits(text):
        exits = {0x7b: 'VMEXIT_IOIO', 0xffffffff: 'VMEXIT_INVALID', 0xffffffffffffffff: 'VMEXIT_INVALID'}
        for first, last, name in re.findall(r'\[(0x\w+)(?: \.\.\. (0x\w+))?\] = \{\{"([^"]+)"', text):
            for code in range(int(first, 16), int(last or first, 16) + 1):
                exits[code] = name
        for offset, name in re.findall(r'\[ROW_HIGH \+ (\d)\] = \{\{"([^"]+)"', text):
            exits[0x400 + int(offset)] = name
        return exits

    def has(self, name):
        """Whether something is called that: a field, a register, a capability, or what vmm/entry knows beside these."""
        return (name in self.registers or name in self.vmcs.values() or any(name == field for _, field in self.vmcb.values())
                or re.match(r'(IA32|CPUID|STATE)_', name) is not None)

    def exit(self, svm, reason):
        """The name of an exit; with VMX also of the flags above the basic reason."""
        if svm:
            return self.svm_exits.get(reason, 'unknown exit')
        flags = [name for bit, name in ((31, 'entry failed'), (29, 'from VMX root'), (28, 'pending MTF'), (27, 'enclave'))
                 if reason >> bit & 1]
        return ', '.join([self.vmx_exits.get(reason & 0xffff, 'unknown exit reason')] + flags)

    def explain(self, name, value, known={}):
        """What the value of a field or register says, or ''. `known`: other fields' values, by name."""
        if name in ('EXIT_REASON', 'VMCB_EXITCODE'):
            return self.exit(name == 'VMCB_EXITCODE', value)
        if name == 'GUEST_ACTIVITY':
            return ACTIVITY[value] if value < len(ACTIVITY) else 'reserved'
        if name in ('VMCB_EVENTINJ', 'VMCB_EXITINTINFO'):
            return event(value, SVM_EVENTS, value >> 32)
        if name in ('ENTRY_INTERRUPTION_INFO', 'EXIT_INTERRUPTION_INFO', 'IDT_VECTORING_INFO'):
            return event(value, VMX_EVENTS, None)
        if name == 'EXIT_QUALIFICATION':
            return vmx_qualification(known.get('EXIT_REASON', 0) & 0xffff, value)
        if name == 'VMCB_EXITINFO1':
            return flags(value, NPF_ACCESS) if known.get('VMCB_EXITCODE') == 0x400 else ''
        if name.endswith(('_ACCESS_RIGHTS', ' rights')):
            return rights((value & 0xff) | (value >> 4 & 0xf00), value >> 16 & 1)
        if name.endswith('_ATTRIBUTES'):
            return rights(value, not value >> 7 & 1)
        if name == 'VMCB_INTERCEPT_CR' or name == 'VMCB_INTERCEPT_DR':
            return 'reads of %s, writes of %s' % (numbers(value & 0xffff), numbers(value >> 16))
        if name == 'VMCB_V_INTR':
            return 'TPR %d, vector %d, priority %d: %s' % (value & 0xff, value >> 32 & 0xff, value >> 16 & 15,
                                                          flags(value & ~0xff000f00ff, V_INTR))
        table = self.bits.get(GROUPS.get(name))
        for pattern, others in OTHERS if not table else ():
            if pattern.search(name):
                table = others
        return flags(value, table) if table else ''


def flags(value, table):
    """The names of the bits that are set; those without a name by number, behind them."""
    ones = [bit for bit in range(64) if value >> bit & 1]
    unnamed = [str(bit) for bit in ones if bit not in table]
    return ' '.join([table[bit] for bit in ones if bit in table] + (['bits ' + ','.join(unnamed)] if unnamed else []))


def numbers(value):
    """0b10111 -> '0-2,4'"""
    text = []
    for run in re.finditer('1+', bin(value)[:1:-1]):
        text.append(str(run.start()) if run.end() - run.start() == 1 else '%d-%d' % (run.start(), run.end() - 1))
    return ','.join(text) or 'none'


def event(value, types, error):
    if not value >> 31 & 1:
        return 'none'
    vector, kind = value & 0xff, types[value >> 8 & 7]
    text = '%s %s' % (kind, EXCEPTIONS.get(vector, vector) if kind == 'exception' else vector)
    if value >> 11 & 1:
        text += ' with an error code' if error is None else ' with error code 0x%x' % error
    return text


def vmx_qualification(reason, value):
    if reason == 48:
        return flags(value, EPT_ACCESS)
    if reason == 30:
        return '%s%s port 0x%x, %d bytes' % ('IN' if value >> 3 & 1 else 'OUT', 'S' if value >> 4 & 1 else '', value >> 16 & 0xffff,
                                              (value & 7) + 1)
    if reason == 28:
        kind = ['MOV to CR%d', 'MOV from CR%d', 'CLTS', 'LMSW'][value >> 4 & 3]
        return kind % (value & 15) if '%' in kind else kind
    return ''


def rights(value, unusable):
    """Of a segment, as SVM has them: type, S, DPL, P in bits 7:0, then AVL, L, D, G."""
    if unusable:
        return 'unusable'
    kind = value & 15
    if not value >> 4 & 1:
        text = {2: 'LDT', 3: 'busy 16-bit TSS', 9: 'TSS', 11: 'busy TSS'}.get(kind, 'system type %d' % kind)
    elif kind & 8:
        text = 'code' + (' conforming' if kind & 4 else '') + (' readable' if kind & 2 else '')
    else:
        text = 'data' + (' expand-down' if kind & 4 else '') + (' writable' if kind & 2 else '')
    size = '64-bit' if value >> 9 & 1 else '32-bit' if value >> 10 & 1 else '16-bit'
    return '%s, DPL %d, %s%s' % (text, value >> 5 & 3, size, '' if value >> 7 & 1 else ', not present')
