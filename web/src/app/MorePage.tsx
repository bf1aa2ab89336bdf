import { CalendarCog } from 'lucide-react';
import { Row, Rows } from '@/components/Card';
import { Page } from '@/components/Page';
import { useActingFor } from '@/lib/session';
import { destinationsFor } from './destinations';
import { paths } from './paths';
import { useShellWords } from './words';

/** What the phone's tab bar does not hold. */
export function Component() {
  const { t } = useShellWords();
  const { client } = useActingFor();
  return (
    <Page title={t('more')}>
      <Rows>
        {destinationsFor(client?.scope)
          .filter((one) => !one.tab)
          .map((one) => (
            <Row key={one.key} level={2} icon={one.icon} title={t(one.key)} to={one.to} />
          ))}
        <Row level={2} icon={CalendarCog} title={t('calendar')} to={paths.calendar} />
      </Rows>
    </Page>
  );
}
