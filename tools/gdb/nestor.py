"""gdb's command `nestor`: VMs, vCPUs, run queues, control blocks and traces of a kernel that gdb is connected to.
tools/debug-qemu loads it; elsewhere: `source tools/gdb/nestor.py`."""
import os
import sys

import gdb

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from names import GPRS, Names  # noqa: E402

names = Names()
TRACE_ROOT = 0xffff


# ---- What the kernel has -----------------------------------------------------------------------------------------

def value(expression):
    return gdb.parse_and_eval(expression)


def pointer(address, kind):
    return gdb.Value(int(address)).cast(gdb.lookup_type(kind).pointer())


def enum_word(v, prefix):
    """VM_RUNNING -> running"""
    return str(v).removeprefix(prefix).lower().replace('_', ' ')


def container(node, kind, *members):
    """The structure of a kind that has this node in a member, or in a member of a member."""
    t, offset = gdb.lookup_type(kind), 0
    for member in members:
        field = t[member]
        t, offset = field.type, offset + field.bitpos // 8
    return pointer(int(node) - offset, kind)


def list_nodes(head):
    node = head['next']
    while int(node) != int(head.address):
        yield node
        node = node['next']


def pcpus():
    return [value('pcpus[%d]' % i) for i in range(int(value('pcpu_count')))]


def vms():
    table = value("'kernel/vm/vm.c'::vms")
    return [table[i] for i in range(table.type.range()[1] + 1) if int(table[i])]


def vcpus(vm):
    return [vm['vcpu'][i] for i in range(int(vm['vcpus'])) if int(vm['vcpu'][i])]


def is_svm():
    return value('virt')['name'].string() == 'SVM'


def number_of(word):
    try:
        return int(word, 0)
    except ValueError:
        raise gdb.GdbError('%s is no number' % word)


def vm_name(vm):
    return vm['name'].string()


def vcpu_name(vcpu):
    name = vm_name(vcpu['vm'])
    return '%s.%d' % (name, vcpu['id']) if int(vcpu['vm']['vcpus']) > 1 else name


def thread_name(thread):
    return vcpu_name(thread['vcpu']) if int(thread['vcpu']) else 'root'


def find_vm(word):
    for vm in vms():
        if vm_name(vm) == word or str(int(vm['id'])) == word:
            return vm
    raise gdb.GdbError('no VM is called %s; `nestor vms` lists them' % word)


def find_vcpu(argument):
    """'VM [VCPU]', or nothing: the one that this CPU has."""
    words = gdb.string_to_argv(argument)
    if not words:
        current = value('pcpus[%d]' % (gdb.selected_thread().num - 1))['current']
        if int(current) and int(current['vcpu']):
            return current['vcpu']
        raise gdb.GdbError('which VM? No vCPU has this CPU')
    vm, number = find_vm(words[0]), number_of(words[1]) if len(words) > 1 else 0
    if number >= int(vm['vcpus']) or not int(vm['vcpu'][number]):
        raise gdb.GdbError('%s has no vCPU %d' % (words[0], number))
    return vm['vcpu'][number]


# ---- Tables ------------------------------------------------------------------------------------------------------

def print_table(head, rows):
    rows = [head] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        print('  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def print_fields(pairs):
    """(name, value) pairs, each with what the value says."""
    known = dict(pairs)
    for name, number in pairs:
        print(('%-28s 0x%-16x %s' % (name, number, names.explain(name, number, known))).rstrip())


def thread_state(thread):
    entity = thread['entity']
    if entity['running']:
        return 'runs in guest mode' if thread['in_guest'] else 'runs in ring 3'
    state = enum_word(entity['state'], 'SCHED_')
    return state + (' (held)' if int(entity['holds']) else '')


def pcpu_of(queue):
    return '-' if not int(queue) else int(container(queue, 'struct pcpu', 'queue')['id'])


class Command(gdb.Command):
    """Reads what the kernel has; says so if this CPU does not see it."""

    def __init__(self):
        super().__init__(self.word, gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        if not gdb.selected_thread():
            raise gdb.GdbError('there is no machine, or it has ended')
        try:
            self.run(argument)
        except gdb.MemoryError:
            raise gdb.GdbError('this CPU is in guest mode, or not yet in the kernel, and does not see the kernel\'s memory: '
                               '`nestor kernel` lets it run until it does')


class Nestor(gdb.Command):
    """What Nestor's kernel has: VMs, vCPUs, run queues, control blocks, traces."""

    def __init__(self):
        super().__init__('nestor', gdb.COMMAND_DATA, prefix=True)

    def invoke(self, argument, from_tty):
        if argument:
            raise gdb.GdbError('no such command: nestor %s; `help nestor` lists them' % argument)
        gdb.execute('help nestor')


class Vms(Command):
    """nestor vms: the VMs, and how they ended."""
    word = 'nestor vms'

    def run(self, argument):
        rows = []
        for vm in vms():
            state = enum_word(vm['state'], 'VM_')
            end = enum_word(vm['end'], 'VM_END_')
            rows.append([int(vm['id']), vm_name(vm), state if end == 'none' else '%s: %s %d' % (state, end, vm['end_status']),
                         int(vm['vcpus']), '%d of %d' % (vm['account']['pages'], vm['account']['quota']),
                         sum(int(vcpu['exits']) for vcpu in vcpus(vm)),
                         int(vm['pin']['id']) if int(vm['pin']) else 'floats',
                         'full' if vm['full_lab'] else 'yes' if vm['has_lab'] else 'no'])
        print_table(['VM', 'name', 'state', 'vCPUs', 'pages', 'exits', 'pCPU', 'lab'], rows)


class Vcpus(Command):
    """nestor vcpus [VM]: the vCPUs, where they are, and their last exits."""
    word = 'nestor vcpus'

    def run(self, argument):
        rows = []
        for vm in [find_vm(argument)] if argument else vms():
            for vcpu in vcpus(vm):
                pending = [64 * i + bit for i in range(4) for bit in range(64) if int(vcpu['pending'][i]) >> bit & 1]
                rows.append([vcpu_name(vcpu), thread_state(vcpu['thread']) + (', in HLT' if vcpu['halted'] else ''),
                             pcpu_of(vcpu['thread']['entity']['home']), int(vcpu['exits']), int(vcpu['exits_monitor']),
                             names.exit(is_svm(), int(vcpu['exit_reason'])) if int(vcpu['exits']) else '-',
                             '0x%x' % int(vcpu['rip']), ' '.join(map(str, pending)) or '-'])
        print_table(['vCPU', 'state', 'pCPU', 'exits', 'to monitor', 'last exit', 'RIP', 'pending'], rows)


class Queues(Command):
    """nestor queues: who has each pCPU, and who waits for it, the next one first."""
    word = 'nestor queues'

    def run(self, argument):
        rows = []
        for pcpu in pcpus():
            queue = pcpu['queue']
            waiting = []
            for kind in range(2):
                for node in list_nodes(queue['ready'][kind]):
                    thread = container(node, 'struct thread', 'entity', 'node')
                    waiting.append((int(thread['entity']['ticket']), thread_name(thread) + (' (pinned)' if kind else '')))
            current = pcpu['current']
            rows.append([int(pcpu['id']), thread_name(current) if int(current) else 'idle',
                         thread_state(current) if int(current) else '-',
                         ', '.join(name for ticket, name in sorted(waiting)) or 'nobody'])
        print_table(['pCPU', 'current', 'state', 'ready'], rows)


class Vcpu(Command):
    """nestor vcpu [VM [VCPU]]: registers of a vCPU, and its last exit that went to the monitor."""
    word = 'nestor vcpu'

    def run(self, argument):
        vcpu = find_vcpu(argument)
        page, svm = vcpu['page'], is_svm()
        gpr = page['gpr']
        print('%s: %s; general registers as of its last exit, RSP is in the control block' % (vcpu_name(vcpu),
                                                                                            thread_state(vcpu['thread'])))
        for i in range(0, 16, 4):
            print('  '.join('%-3s %016x' % (GPRS[n], int(gpr[n])) for n in range(i, i + 4) if GPRS[n] != 'RSP'))
        print('last exit   %s at RIP 0x%x, number %d' % (names.exit(svm, int(vcpu['exit_reason'])), int(vcpu['rip']),
                                                          int(vcpu['exits'])))
        record = page['exit']
        print('to monitor  %s at RIP 0x%x' % (names.exit(svm, int(record['reason'])), int(record['rip'])))
        for name in ('qualification', 'qualification2', 'linear', 'physical', 'interruption_info', 'vectoring_info'):
            if int(record[name]):
                print('            %s 0x%x' % (name, int(record[name])))


class Vmcb(Command):
    """nestor vmcb [VM [VCPU]]: the fields of a VMCB by name, but for those that are 0. SVM only."""
    word = 'nestor vmcb'

    def run(self, argument):
        if not is_svm():
            raise gdb.GdbError('this machine has VMX: `nestor vmcs`')
        vcpu = find_vcpu(argument)
        start = int(value('mm_direct_base')) + int(vcpu['control']['value'])
        block = gdb.selected_inferior().read_memory(start, 4096).tobytes()
        print('%s: VMCB at physical 0x%x' % (vcpu_name(vcpu), int(vcpu['control']['value'])))
        pairs = [(name, int.from_bytes(block[offset:offset + size], 'little'))
                 for offset, (size, name) in sorted(names.vmcb.items())]
        print_fields([pair for pair in pairs if pair[1] or pair[0] == 'VMCB_EXITCODE'])


class Vmcs(Command):
    """nestor vmcs [VM [VCPU]]: what the kernel has read out of a VMCS, by the fields' names. VMX only.
    The other fields are in the CPU: only VMREAD on it can tell them. `make debug-bochs` shows all."""
    word = 'nestor vmcs'
    members = (('EXIT_REASON', 'reason'), ('EXIT_QUALIFICATION', 'qualification'), ('GUEST_RIP', 'rip'),
               ('EXIT_INSTRUCTION_LENGTH', 'instruction_length'), ('EXIT_INSTRUCTION_INFO', 'instruction_info'),
               ('GUEST_LINEAR_ADDRESS', 'linear'), ('GUEST_PHYSICAL_ADDRESS', 'physical'),
               ('EXIT_INTERRUPTION_INFO', 'interruption_info'), ('EXIT_INTERRUPTION_ERROR_CODE', 'interruption_error'),
               ('IDT_VECTORING_INFO', 'vectoring_info'), ('IDT_VECTORING_ERROR_CODE', 'vectoring_error'))

    def run(self, argument):
        if is_svm():
            raise gdb.GdbError('this machine has SVM: `nestor vmcb`')
        vcpu = find_vcpu(argument)
        record = vcpu['page']['exit']
        print('%s: VMCS at physical 0x%x, as of the last exit that went to the monitor' % (vcpu_name(vcpu),
                                                                                       int(vcpu['control']['value'])))
        print_fields([(field, int(record[member])) for field, member in self.members])


class Trace(Command):
    """nestor trace [N [PCPU]]: the newest N records (16) of each pCPU, or of one."""
    word = 'nestor trace'

    def run(self, argument):
        words = [number_of(word) for word in gdb.string_to_argv(argument)]
        for pcpu in pcpus():
            if len(words) < 2 or words[1] == int(pcpu['id']):
                self.show(pcpu, words[0] if words else 16)

    def show(self, pcpu, count):
        ring = pcpu['trace']
        end, mask, before = int(ring['next']), int(ring['mask']), 0
        print('pCPU %d: ticks since the record before, who, what; %d records so far' % (int(pcpu['id']), end))
        for number in range(max(0, end - min(count, mask + 1)), end):
            record = ring['record'][number & mask]
            tsc, who = int(record['tsc']), int(record['who'])
            vm = value("'kernel/vm/vm.c'::vms")[who & 0xffff] if who & 0xffff != TRACE_ROOT else None
            name = 'root' if vm is None else '%s.%d' % (vm_name(vm), who >> 16) if int(vm) else 'VM %d' % (who & 0xffff)
            print('%12d  %-20s %s' % (tsc - before if before else 0, name, self.what(record)))
            before = tsc

    def what(self, record):
        a, b = int(record['a']), int(record['b'])
        kind = chr(int(record['kind']))
        if kind in 'XM' and (a or b):
            return '%s%s at RIP 0x%x' % (names.exit(is_svm(), a), ', to its monitor' if kind == 'M' else '', b)
        word = enum_word(record['kind'].cast(gdb.lookup_type('enum trace_kind')), 'TRACE_')
        return '%s (0x%x, 0x%x)' % (word, a, b) if a or b else word


class Kernel(gdb.Command):
    """nestor kernel: lets the machine run until this CPU is in the kernel, by its next VM exit or system call."""

    def __init__(self):
        super().__init__('nestor kernel', gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        spots = [gdb.Breakpoint(spot, temporary=True, internal=True)
                 for spot in ('svm_exit', 'vmx_exit', 'syscall_handle', 'trap_handle') if gdb.lookup_global_symbol(spot)]
        gdb.execute('continue')
        for spot in spots:
            if spot.is_valid():
                spot.delete()


class Program(gdb.Command):
    """nestor program FILE: adds the symbols of a program of ring 3 or of a guest, build/monitor.elf perhaps.
    Monitors and root have the same addresses, and so have guests: the one before is taken away."""

    def __init__(self):
        super().__init__('nestor program', gdb.COMMAND_FILES, gdb.COMPLETE_FILENAME)
        self.file = None

    def invoke(self, argument, from_tty):
        file = os.path.abspath(argument)
        if not os.path.isfile(file):
            raise gdb.GdbError('%s: no such file' % argument)
        if self.file:
            gdb.execute("remove-symbol-file '%s'" % self.file)
        gdb.execute("add-symbol-file '%s'" % file)
        self.file = file


Nestor()
for command in (Vms, Vcpus, Queues, Vcpu, Vmcb, Vmcs, Trace, Kernel, Program):
    command()
