import type { ReactNode } from 'react';
import { BackLink, PhoneLink, usePageTitle } from '@/components/Page';
import { Arch, ClinicMark } from '@/components/ClinicMark';
import { CrisisNote } from '@/components/CrisisNote';
import { useConfig } from '@/lib/config';
import { languageNames, languages, setLanguage, useLanguage } from '@/lib/i18n';

interface AuthLayoutProps {
  title: string;
  heading?: ReactNode;
  lead?: ReactNode;
  /** "Step 1 of 3". */
  step?: string;
  /** Names what is on screen where one address shows several things in turn: each begins at its heading. */
  part?: string;
  back?: { to: string; label: string };
  children: ReactNode;
}

/** The doorway: tinted half with the clinic on desktop, the clinic's mark on top on phones. */
export function AuthLayout({ title, heading, lead, step, part, back, children }: AuthLayoutProps) {
  const { clinicName, address, phone, languages: offered } = useConfig();
  const h1 = usePageTitle(title, step ?? part);
  const language = useLanguage();
  const other = languages.find((one) => one !== language && offered.includes(one));

  return (
    <div className="flex min-h-dvh flex-col lg:grid lg:grid-cols-[minmax(20rem,2fr)_3fr]">
      <aside aria-label={clinicName} className="hidden flex-col items-center justify-center bg-accent-tint p-12 text-center lg:flex">
        <Arch className="h-54 w-42" />
        <p className="mt-8 text-xl font-title">{clinicName}</p>
        {address && (
          <p className="mt-2 text-sm text-ink-2">
            {address.street}
            <br />
            {address.city}, {address.state} {address.zipCode}
          </p>
        )}
        {phone && (
          <p className="text-sm">
            <PhoneLink phone={phone} />
          </p>
        )}
      </aside>
      <div className="flex min-w-0 flex-1 flex-col px-(--gutter) pt-4 pb-6 lg:px-16 lg:py-12">
        <header className="flex min-h-11 items-center justify-between gap-4 lg:justify-end">
          <div className="min-w-0 lg:hidden">
            <ClinicMark />
          </div>
          {other && (
            <button type="button" lang={other} className="link min-h-11 text-sm" onClick={() => void setLanguage(other)}>
              {languageNames[other]}
            </button>
          )}
        </header>
        <main className="mx-auto my-8 w-full max-w-[26rem] lg:my-auto lg:py-8">
          {back && <BackLink {...back} />}
          {step && <p className="mb-1 text-sm text-ink-2">{step}</p>}
          <h1 ref={h1} tabIndex={-1}>
            {heading ?? title}
          </h1>
          {lead && <p className="mt-1.5 text-ink-2">{lead}</p>}
          <div className="mt-6">{children}</div>
        </main>
        <footer className="mx-auto w-full max-w-[26rem] border-t border-line pt-4">
          <CrisisNote heading={false} />
        </footer>
      </div>
    </div>
  );
}
