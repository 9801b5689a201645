/*
 * Hypervisors by the signature in their CPUID leaves, 12 characters: X(signature, name, what to do where it shows neither VMX
 * nor SVM that Nestor can use).
 */
#ifndef CONFIG_HYPERVISORS_H
#define CONFIG_HYPERVISORS_H

#define HYPERVISOR_TCG "TCGTCGTCGTCG"
#define HYPERVISOR_KVM "KVMKVMKVM\0\0\0"

#define HYPERVISORS(X)                                                                                                \
    X(HYPERVISOR_TCG, "QEMU TCG", "it has no VMX, but SVM: use -cpu max, or add +svm,+npt to the CPU model")          \
    X(HYPERVISOR_KVM, "KVM", "load its module with nested=1, and use -cpu host, or add +vmx or +svm")                 \
    X("Microsoft Hv", "Hyper-V", "Set-VMProcessor -ExposeVirtualizationExtensions $true while the VM is off")         \
    X("VMwareVMware", "VMware", "set vhv.enable = TRUE in the VM's .vmx file")                                        \
    X("XenVMMXenVMM", "Xen", "the domain has to be HVM, with nestedhvm = 1")                                          \
    X("VBoxVBoxVBox", "VirtualBox", "VBoxManage modifyvm NAME --nested-hw-virt on")                                   \
    X("bhyve bhyve ", "bhyve", "it does not nest: take another hypervisor")                                           \
    X("ACRNACRNACRN", "ACRN", "the VM's configuration needs nested virtualization")                                   \
    X("NestorNestor", "Nestor", "Nestor can't run on itself")

enum {
    HYPERVISOR_LEAF = 0x40000000,  /* EAX: the highest leaf of this range; EBX, ECX, EDX: the signature */
    HYPERVISOR_STEP = 0x100,       /* one that shows another's leaves first has its own further up */
    HYPERVISOR_LEVELS = 4,         /* that are looked at */
    HYPERVISOR_PRESENT = 1u << 31, /* CPUID.1:ECX: without it these leaves mean nothing */
};

#endif
