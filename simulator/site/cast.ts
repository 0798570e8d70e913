/** Who and what the demo site knows; `config/demo.yaml` names the same keys. */
export const CAST = {
  guest: { holder: 'guest-ada', grant: 'g-stay-3', pin: '482913' },
  cleaner: { holder: 'cleaner-bo', grant: 'g-cleaning', fob: '1F00644BB6' },
  courier: { holder: 'courier-cy', grant: 'g-parcel', pin: '706315' },
  flat: { key: 'flat-3', name: 'the key to flat 3', slot: 3, fob: '0F00012A03' },
  store: { key: 'store-room', name: 'the store room key', slot: 12, fob: '0F00012A0C' },
  other: { key: 'flat-7', name: 'the key to flat 7', slot: 7, fob: '0F00012A07' },
  /** A lock on the air, on the door that the key to flat 3 fits. */
  flatLock: 'flat-3-lock',
  /** How things of this site are called in the clouds of vendors. */
  there: {
    vendorKey: 5007,
    level: '22222222-2222-4222-8222-000000000001',
    seamDevices: ['11111111-1111-4111-8111-000000000003', '11111111-1111-4111-8111-000000000007'],
  },
} as const;
